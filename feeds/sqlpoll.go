package feeds

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// cellBytes is what a value that is no text counts for, and what each counts for beside its text.
const cellBytes = 16

// sqlPoll is one transaction.
type sqlPoll struct {
	*SQL
	conn   *sql.Conn
	values map[string]any
	cut    bool     // rows were left unread
	order  []string // names of the columns, as the query has them
}

// ask gets the records and, of a query that cuts its pages, their number.
func (p *sqlPoll) ask(ctx context.Context, q Query) (Result, error) {
	most := p.opts.MaxRows
	if !p.desc.Whole {
		most = q.Limit
	}
	records, err := p.rows(ctx, p.query, most)
	if err != nil || p.desc.Whole {
		return Result{Records: records, Columns: p.order}, err
	}
	order := p.order
	if p.opts.Window != "" {
		total, err := p.windowed(ctx, records, q)
		isWindow := func(name string) bool { return name == p.opts.Window }
		return Result{Records: records, Total: total, Columns: slices.DeleteFunc(order, isWindow)}, err
	}
	counted, err := p.rows(ctx, p.count, 1)
	if err != nil {
		return Result{}, fmt.Errorf("count: %w", err)
	}
	for _, value := range first(counted) {
		if total, ok := number(value); ok && len(counted[0]) == 1 {
			return Result{Records: records, Total: int(total), Columns: order}, nil
		}
	}
	return Result{}, errors.New("the count gave no number; one row with one number is needed")
}

// windowed takes the total out of the records. Past the end there are none, and the first page knows it.
func (p *sqlPoll) windowed(ctx context.Context, records []Record, q Query) (int, error) {
	from := records
	if len(records) == 0 && q.Offset > 0 {
		p.values[sqlOffset], p.values[sqlLimit] = int64(0), int64(1)
		var err error
		if from, err = p.rows(ctx, p.query, 1); err != nil {
			return 0, err
		}
	}
	if len(from) == 0 {
		return 0, nil
	}
	total, ok := number(from[0][p.opts.Window])
	if !ok {
		return 0, fmt.Errorf("the query gave no number in column %s, which window names", quote(p.opts.Window))
	}
	for _, r := range records {
		delete(r, p.opts.Window)
	}
	return int(total), nil
}

func first(records []Record) Record {
	if len(records) == 0 {
		return nil
	}
	return records[0]
}

// rows runs a statement and reads what it gives, most rows at most; a whole table with more is an error.
func (p *sqlPoll) rows(ctx context.Context, q sqlQuery, most int) (records []Record, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	b := p.engine.bind(q, p.values, p.opts.UnionIDType)
	rows, err := p.conn.QueryContext(ctx, b.text, b.args...)
	if err != nil {
		return nil, p.explain(ctx, err, b)
	}
	defer func() {
		if p.cut {
			stop() // or the rest would be read
		}
		_ = rows.Close() // its error is that of the rows
	}()
	columns, err := newSQLColumns(rows)
	if err != nil {
		p.cut = true
		return nil, p.explain(ctx, err, b)
	}
	p.order = columns.names
	size := 0
	for rows.Next() {
		if len(records) >= most {
			p.cut = true
			if p.desc.Whole {
				return nil, fmt.Errorf("the query gave more than %d rows; add LIMIT :limit OFFSET :offset, or raise maxRows", most)
			}
			return records, nil
		}
		record, bytes, err := columns.record(rows)
		if err != nil {
			return nil, p.explain(ctx, err, b)
		}
		if size += bytes; size > p.opts.MaxBytes {
			p.cut = true
			return nil, fmt.Errorf("the rows hold more than %d bytes; select fewer or shorter columns, or raise maxBytes", p.opts.MaxBytes)
		}
		records = append(records, record)
	}
	if err := rows.Err(); err != nil {
		return nil, p.explain(ctx, err, b)
	}
	return records, nil
}

// healthy says whether the connection can be used again after this.
func (p *sqlPoll) healthy(ctx context.Context, err error) bool {
	if p.cut || ctx.Err() != nil {
		return false
	}
	var lost *sqlSentence
	return !errors.As(err, &lost)
}

// sqlColumns turn rows into records.
type sqlColumns struct {
	names []string
	types []string
	cells []any
	into  []any
}

func newSQLColumns(rows *sql.Rows) (*sqlColumns, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	c := &sqlColumns{cells: make([]any, len(types)), into: make([]any, len(types))}
	seen := make(map[string]bool, len(types))
	for i, t := range types {
		if seen[t.Name()] {
			return nil, &sqlSentence{fmt.Sprintf("the query gives column %s twice; name one of them otherwise, with AS", quote(t.Name()))}
		}
		seen[t.Name()] = true
		c.names = append(c.names, t.Name())
		c.types = append(c.types, t.DatabaseTypeName())
		c.into[i] = &c.cells[i]
	}
	return c, nil
}

// record reads the row that the rows are at, and says how much it holds.
func (c *sqlColumns) record(rows *sql.Rows) (r Record, size int, err error) {
	if err := rows.Scan(c.into...); err != nil {
		return nil, 0, err
	}
	r = make(Record, len(c.names))
	for i, name := range c.names {
		value := sqlValue(c.cells[i], c.types[i])
		if text, ok := value.(string); ok {
			size += len(text)
		}
		size += cellBytes
		r[name] = value
	}
	return r, size, nil
}

// sqlValue is what a driver gave as what a record may hold.
func sqlValue(v any, kind string) any {
	switch v := v.(type) {
	case []byte:
		switch {
		case kind == "BIT" && len(v) <= 8: // of MySQL
			return bitNumber(v)
		case decimal(kind), strings.HasPrefix(kind, "UNSIGNED"):
			return sqlNumber(string(v))
		case utf8.Valid(v):
			return string(bytes.TrimRight(v, "\x00")) // MySQL fills BINARY(n)
		}
		return base64.StdEncoding.EncodeToString(v)
	case string:
		if decimal(kind) {
			return sqlNumber(v)
		}
	case float32:
		return shortest(float64(v))
	case float64:
		if kind == "FLOAT4" { // which PostgreSQL widens
			return shortest(v)
		}
	case time.Time:
		if v.IsZero() { // 0000-00-00 of MySQL, which is no day
			return nil
		}
		return v.UTC().Format(timeLayout)
	}
	return v
}

func decimal(kind string) bool { return kind == "NUMERIC" || strings.Contains(kind, "DECIMAL") }

// sqlNumber is a whole number of 64 bits as it is, any other as one of 15 to 17 digits, and what is none as text.
func sqlNumber(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return s
	}
	return f
}

// shortest is a number of single precision with the digits that it is written with, not those of its double.
func shortest(f float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64) // what was just written
	return short
}

func bitNumber(b []byte) any {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	if n > math.MaxInt64 {
		return n
	}
	return int64(n)
}
