package feeds

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// rowFormat reads rows of CSV or NDJSON.
type rowFormat struct {
	json    bool
	comma   rune
	columns []string // of CSV; none: they stand in the first row
}

// readAll returns the records of a whole file. A last line without an end that is no row yet is left out.
func (f rowFormat) readAll(text string) ([]Record, error) {
	if f.json {
		return f.readLines(text)
	}
	r := f.reader(text)
	columns, err := f.head(r)
	if err != nil {
		return nil, err
	}
	var records []Record
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		unended := r.InputOffset() == int64(len(text)) && !strings.HasSuffix(text, "\n")
		if unended && (err != nil || len(row) < len(columns)) {
			return records, nil // still being written
		}
		if err == nil {
			line, _ := r.FieldPos(0)
			err = f.fits(row, columns, line)
		}
		switch {
		case err != nil:
			return nil, csvError(err)
		case len(records) == maxFileRecords:
			return nil, errTooManyRows
		}
		records = append(records, csvRecord(row, columns))
	}
}

var errTooManyRows = fmt.Errorf("has more than %d rows; show its tail", maxFileRecords)

func (f rowFormat) reader(text string) *csv.Reader {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = f.comma, -1
	return r
}

// names are those of the columns of CSV, in their order; NDJSON has none.
func (f rowFormat) names(text string) ([]string, error) {
	if f.json {
		return nil, nil
	}
	return f.head(f.reader(text))
}

// head returns the names of the columns, from the first row unless they were given.
func (f rowFormat) head(r *csv.Reader) ([]string, error) {
	if len(f.columns) > 0 {
		return f.columns, nil
	}
	row, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("is empty: not even a row with the names of the columns")
	case err != nil:
		return nil, csvError(err)
	}
	columns := make([]string, len(row))
	for i, name := range row {
		if columns[i] = strings.TrimSpace(name); columns[i] == "" {
			columns[i] = fmt.Sprintf("column%d", i+1)
		}
	}
	if err := checkColumns(columns); err != nil {
		return nil, fmt.Errorf("names its columns wrongly in its first row: %w", err)
	}
	return columns, nil
}

func (f rowFormat) fits(row, columns []string, line int) error {
	if len(row) > len(columns) {
		return fmt.Errorf("has %d values in line %d, and %d columns; is the delimiter %q right?", len(row), line, len(columns), f.comma)
	}
	return nil
}

// csvRecord takes what a short row leaves out, and what it has nothing of, as not there.
func csvRecord(row, columns []string) Record {
	r := make(Record, len(columns))
	for i, name := range columns {
		if i < len(row) && row[i] != "" {
			r[name] = row[i]
		} else {
			r[name] = nil
		}
	}
	return r
}

func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("is not CSV in line %d, column %d: %w", parse.Line, parse.Column, parse.Err)
	}
	return err
}

func (f rowFormat) readLines(text string) ([]Record, error) {
	var records []Record
	line := 0
	for len(text) > 0 {
		row, rest, ended := strings.Cut(text, "\n")
		line++
		text = rest
		if strings.TrimSpace(row) == "" {
			continue
		}
		r, err := jsonRow(row)
		switch {
		case err != nil && !ended:
			return records, nil // still being written
		case err != nil:
			return nil, fmt.Errorf("has no object in JSON in line %d: %w", line, err)
		case len(records) == maxFileRecords:
			return nil, errTooManyRows
		}
		records = append(records, r)
	}
	return records, nil
}

// jsonRow reads one line of NDJSON.
func jsonRow(line string) (Record, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("more than %d bytes", maxLine)
	}
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	if fields == nil {
		return nil, errors.New("null")
	}
	r := make(Record, len(fields))
	if !flatten(r, "", fields, 0) {
		return nil, fmt.Errorf("more than %d fields", maxJSONFields)
	}
	return r, nil
}

// row reads one whole line.
func (f rowFormat) row(line string, columns []string) (Record, error) {
	if f.json {
		return jsonRow(line)
	}
	r := f.reader(line)
	row, err := r.Read()
	if err == nil && len(row) > len(columns) {
		err = errors.New("more values than columns")
	}
	if err != nil {
		return nil, err
	}
	return csvRecord(row, columns), nil
}
