package views

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/feeds"
)

// column is one column of a table.
type column struct {
	feeds.Field
	Spark bool // the last hour as a curve, not a field
	Head  bool // names the record
	Long  bool // holds long texts: it takes what room is left, and cuts them
	under string
}

// row is one record, one cell a column.
type row struct {
	Cells []cell
	Spark spark
}

// sheet is a page of records, ready to be shown.
type sheet struct {
	Columns []column
	Rows    []row
}

// records are those of the page, if there is one.
func (f FragmentView) records() []feeds.Record {
	if f.Reading.Page == nil {
		return nil
	}
	return f.Reading.Page.Records
}

// sheet lays the page out as a table.
func (f FragmentView) sheet() sheet {
	s := sheet{Columns: f.columns()}
	records := f.records()
	places := make(map[string]int, len(s.Columns))
	mixed := f.About.Unit != "" && f.commonUnit() == ""
	for _, c := range s.Columns {
		places[c.Name] = f.places(c.Field, records)
		if mixed && slices.Contains(f.About.Values, c.Name) {
			places[c.Name] = ownPlaces
		}
	}
	for _, rec := range records {
		var r row
		for _, c := range s.Columns {
			if c.Spark {
				r.Spark = f.spark(rec, tight)
				r.Cells = append(r.Cells, cell{})
				continue
			}
			r.Cells = append(r.Cells, f.cell(rec, c, places[c.Name]))
		}
		r.Spark.Class = cmp.Or(string(f.blamed(rec, f.valueField().Name)), trend(r.Cells))
		for i, c := range r.Cells {
			s.Columns[i].Long = s.Columns[i].Long || c.long()
		}
		s.Rows = append(s.Rows, r)
	}
	return s
}

// ownPlaces lets each value of a column choose its decimals, where each has a unit of its own.
const ownPlaces = -1

// cell is the value of one record in column c.
func (f FragmentView) cell(rec feeds.Record, c column, places int) cell {
	if f.isState(c) {
		return stateCell(f.state(rec))
	}
	field := c.Field
	if field.Name == f.About.ID && field.Type != "time" {
		field.Type = "string" // 2214 is a name here, not 2,214
	}
	if n, ok := toNumber(rec[c.Name]); ok && places == ownPlaces {
		places = decimals(n)
	}
	v := format(rec[c.Name], field, places, f.Reading.At)
	if f.About.Unit != "" && slices.Contains(f.About.Values, c.Name) && v.Unit == "" && !v.Empty {
		v.Unit = f.unit(rec, c.Field)
	}
	v.State = f.blamed(rec, c.Name)
	if c.under != "" {
		v.Small = plain(rec[c.under]).Text
	}
	return v
}

// places chooses the decimals of a whole column, so that its digits stand under each other.
func (f FragmentView) places(field feeds.Field, records []feeds.Record) int {
	if field.Decimals != nil {
		return *field.Decimals
	}
	var numbers []float64
	for _, rec := range records {
		if n, ok := toNumber(rec[field.Name]); ok {
			numbers = append(numbers, n)
		}
	}
	return decimals(numbers...)
}

// columns are the fields to show, the one that names the record among them, and after it the last hour where there is
// one. Of a record with a short key and a longer name the name stands under the key. What thresholds say comes first.
func (f FragmentView) columns() []column {
	fields := f.chosen()
	has := func(name string) bool {
		return slices.ContainsFunc(fields, func(d feeds.Field) bool { return d.Name == name && d.Type == "string" })
	}
	label, under := f.labelField(), ""
	if label != f.About.ID && has(f.About.ID) && has(label) {
		label, under = f.About.ID, label
	}
	cols := make([]column, 0, len(fields)+1)
	for _, d := range fields {
		if c := (column{Field: d, Head: d.Name == label}); c.Head {
			c.under = under
			cols = append(cols, c)
		} else if d.Name != under {
			cols = append(cols, c)
		}
	}
	if len(cols) == 0 {
		return nil
	}
	cols = f.stateFirst(cols)
	unnamed := 0
	if f.judged() && len(cols) > 1 {
		unnamed = 1
	}
	head := max(unnamed, slices.IndexFunc(cols, func(c column) bool { return c.Head }))
	cols[head].Head = true
	if f.Look.View == "table" && f.hasCurves() {
		cols = slices.Insert(cols, head+1, column{Field: feeds.Field{Label: text.LastHour}, Spark: true})
	}
	return cols
}

// machineKey is the name of a key that says nothing to people who have a label.
const machineKey = "id"

// chosen are the fields that the look names, in its order, else all but those that say nothing here: the unit (it
// stands with its value), what the subscription filters by, what a tag of the panel says already, a machine's key, and
// what no record of the page has.
func (f FragmentView) chosen() []feeds.Field {
	all := f.fields()
	var fields []feeds.Field
	for _, name := range f.Look.Fields {
		i := slices.IndexFunc(all, func(d feeds.Field) bool { return d.Name == name })
		switch {
		case i >= 0:
			fields = append(fields, all[i])
		case len(f.About.Fields) == 0: // no record of this page has it; the next may
			fields = append(fields, feeds.Field{Name: name, Label: name, Type: f.guess(name, nil)})
		}
	}
	if len(f.Look.Fields) > 0 {
		return fields
	}
	for _, d := range all {
		filtered := strings.Contains(";"+f.Reading.Sub.Params, ";"+d.Name+"=")
		key := d.Name == machineKey && f.labelField() != "" && d.Name != f.labelField()
		if d.Name != f.About.Unit && d.Name != "simulated" && !filtered && !key && f.hasAny(d.Name) {
			fields = append(fields, d)
		}
	}
	return fields
}

// hasAny says whether a record of the page has a value in a field. Without records all fields count.
func (f FragmentView) hasAny(name string) bool {
	records := f.records()
	return len(records) == 0 || slices.ContainsFunc(records, func(rec feeds.Record) bool { return !plain(rec[name]).Empty })
}

// labelField is the field that names a record to people.
func (f FragmentView) labelField() string {
	if f.About.Label != "" {
		return f.About.Label
	}
	return f.About.ID
}

// unit is that of a record's value.
func (f FragmentView) unit(rec feeds.Record, field feeds.Field) string {
	if u, ok := rec[f.About.Unit].(string); ok && u != "" {
		return u
	}
	if field.Unit == "" && field.Type == "percent" {
		return "%"
	}
	return field.Unit
}

// headingUnit is the unit in the head of a column, where the cells go without.
func (c column) headingUnit() string {
	unit := c.Unit
	if unit == "" && c.Type == "percent" {
		unit = "%"
	}
	if c.Type == "bytes" || c.Type == "change" || strings.Contains(c.Label, unit) {
		return ""
	}
	return unit
}

// trend is the direction of the first change in a row.
func trend(cells []cell) string {
	for _, c := range cells {
		if c.Trend != "" {
			return c.Trend
		}
	}
	return ""
}

// longText is how many characters a column shows in full; the rest of a longer one is in its title.
const longText = 32

func (c cell) long() bool { return utf8.RuneCountInString(c.Text) > longText }
