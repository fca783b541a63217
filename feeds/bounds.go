package feeds

import "fmt"

// Bounds of what one poll may give. A source that gives more has failed: what is cut off would look complete.
const (
	MaxRecords     = 1_000_000 // of a Whole source; of others only the page that was asked for is kept
	MaxRecordBytes = 1 << 20   // of one record, names and values
	MaxTableBytes  = 64 << 20  // of all
)

// checkSize reports records that are more, or larger, than can be shown.
func checkSize(records []Record) error {
	if n := len(records); n > MaxRecords {
		return fmt.Errorf("the source gave %d records, and %d are allowed; ask it for less, or for pages", n, MaxRecords)
	}
	sum := 0
	for _, r := range records {
		n := sizeOf(map[string]any(r), 0)
		if n > MaxRecordBytes {
			return fmt.Errorf("the source gave a record of %d bytes, and %d are allowed; leave its large fields out", n, MaxRecordBytes)
		}
		if sum += n; sum > MaxTableBytes {
			return fmt.Errorf("the source gave more than %d bytes, and no more are allowed; ask it for less, or for pages", MaxTableBytes)
		}
	}
	return nil
}

// sizeOf is about how many bytes a value takes, to the depth at which records are cut.
func sizeOf(v any, depth int) int {
	if depth > maxNesting {
		return 0
	}
	sum := 8
	switch v := v.(type) {
	case string:
		sum += len(v)
	case []byte:
		sum += len(v)
	case Record:
		return sizeOf(map[string]any(v), depth)
	case map[string]any:
		for k, w := range v {
			if sum += len(k) + sizeOf(w, depth+1); sum > MaxTableBytes {
				break
			}
		}
	case []any:
		for _, w := range v {
			if sum += sizeOf(w, depth+1); sum > MaxTableBytes {
				break
			}
		}
	}
	return sum
}
