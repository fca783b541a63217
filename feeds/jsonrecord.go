package feeds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what is made of an answer in JSON: one of 8 MiB may stand for a hundred times as much memory.
const (
	maxJSONRecords = 50_000
	maxJSONRecord  = 1 << 20 // bytes
	maxJSONFields  = 256     // of a record
)

// takeRecord reads one record. The name of a member becomes its field key, unless it has one.
func (a *jsonAnswer) takeRecord(name string, named bool) error {
	if len(a.records) == maxJSONRecords {
		return fmt.Errorf("the answer has more than %d records; ask for less", maxJSONRecords)
	}
	v, err := a.decode()
	if err != nil {
		return err
	}
	var fields map[string]any
	switch v := v.(type) {
	case map[string]any:
		fields = v
	case []any:
		fields = make(map[string]any, len(v))
		for i, element := range v {
			fields[strconv.Itoa(i)] = element
		}
	default:
		fields = map[string]any{"value": v}
	}
	if _, has := fields["key"]; named && !has {
		fields["key"] = name
	}
	return a.add(fields)
}

// add takes fields as a record.
func (a *jsonAnswer) add(fields map[string]any) error {
	r := make(Record, len(fields))
	if !flatten(r, "", fields, 0) {
		return fmt.Errorf("record %d has more than %d fields", len(a.records)+1, maxJSONFields)
	}
	a.records = append(a.records, r)
	return nil
}

// decode reads a value that is part of a record.
func (a *jsonAnswer) decode() (any, error) {
	start := a.dec.InputOffset()
	var raw json.RawMessage
	if err := a.dec.Decode(&raw); err != nil {
		return nil, err
	}
	if a.dec.InputOffset()-start > maxJSONRecord {
		return nil, fmt.Errorf("record %d has more than %d bytes", len(a.records)+1, maxJSONRecord)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// flatten puts the members of m into r, those of objects inside it under names with dots. It says whether r has room.
func flatten(r Record, prefix string, m map[string]any, depth int) bool {
	for k, v := range m {
		inner, nested := v.(map[string]any)
		switch {
		case nested && depth < maxNesting && len(inner) > 0:
			if !flatten(r, prefix+k+".", inner, depth+1) {
				return false
			}
		case len(r) >= maxJSONFields:
			return false
		default:
			r[prefix+k] = plainNumbers(v)
		}
	}
	return true
}

// plainNumbers makes of each number an int64 or float64; of an integer that is neither to the letter, text.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		f, err := v.Float64()
		if err != nil {
			return v.String() // larger than any number
		}
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}
