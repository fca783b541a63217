package dashboard

import (
	"bytes"
	"encoding/csv"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/history"
)

// unaskedSpan is how far back the history goes where from is not given.
const unaskedSpan = time.Hour

// remember notes the values of a reading.
func (d *Dashboard) remember(r feeds.Reading) {
	if d.opts.History != nil && !r.At.IsZero() {
		d.opts.History.Add(r.Sub.String(), r.At, r.Values)
	}
}

// past is the hour before a moment, for the charts of a subscription that was not wanted until now.
func (d *Dashboard) past(sub feeds.Subscription, before time.Time) map[string][]feeds.Point {
	span, err := history.Plan(d.opts.Now(), before.Add(-unaskedSpan), before, history.Width)
	if err != nil {
		return nil
	}
	block, err := d.opts.History.Range(sub.String(), span)
	if err != nil {
		d.log.Error("history not read", "subscription", sub.String(), "err", err)
	}
	points := make(map[string][]feeds.Point, len(block))
	for series, cells := range block {
		for _, c := range cells {
			if c.At+history.Width.Milliseconds() <= before.UnixMilli() { // a later one holds what the caller has
				points[series] = append(points[series], feeds.Point{At: time.UnixMilli(c.At).UTC(), Value: meanOf(c)})
			}
		}
	}
	return points
}

// meanOf is the mean without digits that nobody measured: it is kept to a part in billions of what lies between the least and the greatest.
func meanOf(c history.Cell) float64 {
	spread := c.Max - c.Min
	if spread == 0 || math.IsInf(spread, 0) {
		return c.Mean
	}
	decimals := max(0, 8-int(math.Floor(math.Log10(spread))))
	v, err := strconv.ParseFloat(strconv.FormatFloat(c.Mean, 'f', decimals, 64), 64)
	if err != nil {
		return c.Mean
	}
	return min(max(v, c.Min), c.Max)
}

// pastQuery is what GET /api/history is asked.
type pastQuery struct {
	sub  feeds.Subscription
	span history.Span
}

func (d *Dashboard) pastQuery(r *http.Request) (p pastQuery, err error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return p, err
	}
	subs, err := d.subscriptions(q)
	if err != nil {
		return p, err
	}
	if len(subs) != 1 {
		return p, refuse(http.StatusBadRequest, "%d subscriptions: want one, as sub=sensors/-/1/10", len(subs))
	}
	p.sub = subs[0]
	now := d.opts.Now()
	to, err := moment(q, "to", now)
	if err != nil {
		return p, err
	}
	from, err := moment(q, "from", to.Add(-unaskedSpan))
	if err != nil {
		return p, err
	}
	step, err := step(q)
	if err != nil {
		return p, err
	}
	if p.span, err = history.Plan(now, from, to, step); err != nil {
		return p, refuse(http.StatusBadRequest, "%s", strings.TrimPrefix(err.Error(), "history: "))
	}
	return p, nil
}

// latest is the last moment that a query may name, in seconds: the end of the year 9999.
const latest = 253402300799

// moment reads a time, RFC 3339 or Unix seconds.
func moment(q url.Values, name string, unset time.Time) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return unset, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && at.Unix() >= 0 && at.Unix() <= latest {
		return at, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= latest) {
		return time.Time{}, refuse(http.StatusBadRequest, "%s %q: want a time since 1970, as 2026-05-04T12:00:00Z or in Unix seconds", name, clip(text))
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))), nil
}

// step reads a length of time, in seconds or as 10m; 0 where none is given.
func step(q url.Values) (time.Duration, error) {
	text := q.Get("step")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if seconds, nerr := strconv.Atoi(text); nerr == nil && seconds >= 0 && seconds <= int(history.MostStep.Seconds()) {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d < history.Width || d > history.MostStep {
		return 0, refuse(http.StatusBadRequest, "step %q: allowed are 10s to 24h, in seconds or as 10m", clip(text))
	}
	return d, nil
}

// pastAnswer is what GET /api/history answers.
type pastAnswer struct {
	Sub     string               `json:"sub"`
	From    stamp                `json:"from"`
	To      stamp                `json:"to"`
	Step    float64              `json:"step"` // seconds
	Series  map[string][]pastRow `json:"series"`
	Missing []string             `json:"missing,omitempty"` // nodes that did not answer
}

// pastRow is [unixMilliseconds, min, mean, max].
type pastRow history.Cell

func (row pastRow) MarshalJSON() ([]byte, error) {
	b := append([]byte{'['}, strconv.FormatInt(row.At, 10)...)
	for _, v := range [3]float64{row.Min, meanOf(history.Cell(row)), row.Max} {
		b = appendNumber(append(b, ','), v)
	}
	return append(b, ']'), nil
}

// getHistory answers with what was seen of one subscription.
func (d *Dashboard) getHistory(w http.ResponseWriter, r *http.Request) {
	p, err := d.pastQuery(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	block, missing, err := d.seen(r.Context(), p)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if err := checkPast(block, p.span); err != nil {
		d.refuse(w, r, err)
		return
	}
	if len(missing) > 0 {
		w.Header().Set("Missing-Nodes", strings.Join(missing, ", "))
	}
	if accepts(r, "text/csv") {
		writePastTable(w, block)
		return
	}
	answer := pastAnswer{
		Sub: p.sub.String(), From: stamp(p.span.From), To: stamp(p.span.To), Step: p.span.Step.Seconds(),
		Series: make(map[string][]pastRow, len(block)), Missing: missing,
	}
	for series, cells := range block {
		for _, c := range cells {
			answer.Series[series] = append(answer.Series[series], pastRow(c))
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

// checkPast refuses what is too much for one answer.
func checkPast(block history.Block, span history.Span) error {
	n := 0
	for _, cells := range block {
		n += len(cells)
	}
	if n > history.MostCells {
		return tooMuch(span)
	}
	return nil
}

func tooMuch(span history.Span) *Problem {
	return refuse(http.StatusBadRequest, "more than %d points in all series: take a longer step than %v, or a shorter time", history.MostCells, span.Step)
}

// spreadsheet keeps a name from being a formula there: those that begin like one get an apostrophe in front.
func spreadsheet(name string) string {
	if name != "" && strings.ContainsRune("=+-@\t\r\n", rune(name[0])) {
		return "'" + name
	}
	return name
}

// writePastTable answers in CSV, a line for each point, by series and time.
func writePastTable(w http.ResponseWriter, block history.Block) {
	var b bytes.Buffer
	table := csv.NewWriter(&b)
	_ = table.Write([]string{"time", "series", "min", "mean", "max"}) // a buffer takes all
	for _, series := range slices.Sorted(maps.Keys(block)) {
		for _, c := range block[series] {
			line := []string{time.UnixMilli(c.At).UTC().Format("2006-01-02T15:04:05.000Z"), spreadsheet(series)}
			for _, v := range [3]float64{c.Min, meanOf(c), c.Max} {
				line = append(line, string(appendNumber(nil, v)))
			}
			_ = table.Write(line)
		}
	}
	table.Flush()
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // who went away needs no answer
}
