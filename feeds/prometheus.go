package feeds

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// maxSamples bounds the records of a Prometheus source.
const maxSamples = 50_000

// PrometheusOptions describe a source that asks a Prometheus by a query, or reads the metrics of a program itself.
// Either URL and Query are needed, or Scrape.
type PrometheusOptions struct {
	URL   Secret `yaml:"url,omitempty"`   // of the server, without /api
	Query string `yaml:"query,omitempty"` // PromQL; {unionId} may stand inside a quoted text, and is escaped there
	// Range asks for the values of that long, a Step apart (default a sixtieth of it), in place of those of now.
	Range time.Duration `yaml:"range,omitempty"`
	Step  time.Duration `yaml:"step,omitempty"`
	// Scrape is the address of the metrics of a program, in the text format; {unionId} may stand in its path and query.
	Scrape Secret `yaml:"scrape,omitempty"`
	// Match says which of the series of Scrape to take, such as up{job="a",zone!~"x.*"}; {unionId} may stand inside a
	// quoted text. The default is all.
	Match  string `yaml:"match,omitempty"`
	Access `yaml:",inline"`
}

// Prometheus asks a Prometheus, or a program that has metrics for one.
type Prometheus struct {
	web    *web
	api    v1.API       // nil: scrape
	query  *promText    // of api
	span   v1.Range     // of api: End counts from Start; zero: the values of now
	sorted bool         // query says in which order
	scrape *urlTemplate // nil: api
	match  *promSelector
}

// NewPrometheus returns a source that asks as o says. The caller must Close it. The error is an [OptionError].
func NewPrometheus(o PrometheusOptions) (*Prometheus, error) {
	switch {
	case o.Scrape != "" && (o.URL != "" || o.Query != "" || o.Range != 0 || o.Step != 0):
		return nil, &OptionError{Key: "scrape", Problem: "excludes url, query, range and step"}
	case o.Scrape != "":
		return newScrape(o)
	case o.Match != "":
		return nil, &OptionError{Key: "match", Problem: "is for scrape; a query says itself what it matches"}
	}
	return newPromQuery(o)
}

func newPromQuery(o PrometheusOptions) (*Prometheus, error) {
	template, err := parseURLTemplate(o.URL.Reveal())
	if err != nil {
		return nil, err
	}
	if template.base.RawQuery != "" {
		return nil, &OptionError{Key: "url", Problem: "has a query; allowed: where the server is, such as http://host:9090"}
	}
	if strings.TrimSpace(o.Query) == "" {
		return nil, &OptionError{Key: "query", Problem: "is missing"}
	}
	p := &Prometheus{sorted: sortsItself(o.Query)}
	if p.query, err = parsePromText(o.Query); err != nil {
		return nil, &OptionError{Key: "query", Problem: err.Error()}
	}
	if p.span, err = o.span(); err != nil {
		return nil, err
	}
	if p.web, err = o.newWeb(template.base); err != nil {
		return nil, err
	}
	p.web.hide = append(p.web.hide, o.URL)
	address := url.URL{Scheme: template.base.Scheme, Host: template.base.Host, Path: template.base.Path}
	client, err := api.NewClient(api.Config{Address: address.String(), Client: p.web.client})
	if err != nil {
		return nil, &OptionError{Key: "url", Problem: "is malformed"}
	}
	p.api = v1.NewAPI(client)
	return p, nil
}

// span returns how far back a range goes, and in which steps.
func (o PrometheusOptions) span() (v1.Range, error) {
	const points, most = 60, 11_000 // of a series; Prometheus gives no more
	step := o.Step
	if step == 0 {
		step = max(o.Range/points, time.Second).Truncate(time.Second)
	}
	switch {
	case o.Range < 0:
		return v1.Range{}, &OptionError{Key: "range", Problem: fmt.Sprintf("%s; allowed: more than 0", o.Range)}
	case o.Range == 0 && o.Step != 0:
		return v1.Range{}, &OptionError{Key: "step", Problem: "needs a range"}
	case o.Range == 0:
		return v1.Range{}, nil
	case step < time.Millisecond || o.Range/step > most:
		return v1.Range{}, &OptionError{Key: "step", Problem: fmt.Sprintf("%s; allowed: at least a %dth of the range of %s", o.Step, most, o.Range)}
	}
	return v1.Range{End: time.Time{}.Add(o.Range), Step: step}, nil
}

// Describe says that each series is a record, that its value is charted, and whether a user has their own.
func (p *Prometheus) Describe() Description {
	d := Description{ID: "series", Values: []string{"value"}, Time: "time", Whole: true}
	if p.api != nil {
		d.PerUser = p.query.perUser()
	} else {
		d.PerUser = p.scrape.has("unionId") || p.match.perUser()
	}
	return d
}

// Poll asks once. For nobody there are no records of one user.
func (p *Prometheus) Poll(ctx context.Context, q Query) (Result, error) {
	if q.UnionID == "" && p.Describe().PerUser {
		return Result{}, nil // a matcher of an empty text takes all series without that label
	}
	if err := p.web.rest.over(p.web.host, q.Interval, time.Now()); err != nil {
		return Result{}, err
	}
	if p.api == nil {
		return p.pollMetrics(ctx, q)
	}
	value, err := p.ask(ctx, p.query.fill(q.UnionID))
	if err != nil {
		return Result{}, p.explain(err)
	}
	records, err := promRecords(value)
	if err != nil {
		return Result{}, err
	}
	if !p.sorted {
		sortSeries(records)
	}
	return Result{Records: records}, nil
}

// Close lets go of the connections.
func (p *Prometheus) Close() error { return p.web.close() }

func (p *Prometheus) ask(ctx context.Context, query string) (model.Value, error) {
	now := time.Now()
	if p.span == (v1.Range{}) {
		value, _, _, err := p.api.Query(ctx, query, now)
		return value, err
	}
	span := v1.Range{Start: now.Add(-p.span.End.Sub(p.span.Start)), End: now, Step: p.span.Step}
	value, _, _, err := p.api.QueryRange(ctx, query, span)
	return value, err
}

// explain tells what the server says of a query, and of anything else what the client does.
func (p *Prometheus) explain(err error) error {
	var answer *v1.Error
	if !errors.As(err, &answer) {
		return p.web.explain(err)
	}
	msg := clip(answer.Msg, maxSentence/2)
	switch answer.Type {
	case v1.ErrBadData:
		return fmt.Errorf("%s refuses the query: %s", p.web.host, msg)
	case v1.ErrTimeout, v1.ErrCanceled:
		return fmt.Errorf("%s gave up on the query: %s", p.web.host, msg)
	case v1.ErrExec:
		return fmt.Errorf("%s failed to run the query: %s", p.web.host, msg)
	case v1.ErrBadResponse:
		return fmt.Errorf("%s gave no answer of a Prometheus: check the url (%s)", p.web.host, msg)
	}
	return fmt.Errorf("%s answered: %s; check the url, headers, token, or user and password", p.web.host, msg)
}

// sorting matches a query of which the order of the answer means something.
var sorting = regexp.MustCompile(`^\s*(sort|sort_desc|sort_by_label|sort_by_label_desc|topk|bottomk)\s*(\(|by\b|without\b)`)

// sortsItself says whether the order of a query's answer means something.
func sortsItself(query string) bool { return sorting.MatchString(query) }
