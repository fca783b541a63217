package feeds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxMetricLines bounds what is read of a program: a line of a few bytes becomes a few hundred.
const maxMetricLines = 200_000

func newScrape(o PrometheusOptions) (*Prometheus, error) {
	template, err := parseURLTemplate(o.Scrape.Reveal(), "unionId")
	var wrong *OptionError
	if errors.As(err, &wrong) {
		return nil, &OptionError{Key: "scrape", Problem: wrong.Problem}
	}
	p := &Prometheus{scrape: template}
	if p.match, err = parsePromSelector(o.Match); err != nil {
		return nil, &OptionError{Key: "match", Problem: err.Error()}
	}
	if p.web, err = o.newWeb(template.base); err != nil {
		return nil, err
	}
	p.web.hide = append(p.web.hide, o.Scrape)
	return p, nil
}

// pollMetrics reads the metrics of a program.
func (p *Prometheus) pollMetrics(ctx context.Context, q Query) (Result, error) {
	u, err := p.scrape.fill(q)
	if err != nil {
		return Result{}, err
	}
	resp, err := p.web.get(ctx, u, http.Header{"Accept": {string(expfmt.NewFormat(expfmt.TypeTextPlain)) + ", text/plain;q=0.5"}})
	if err != nil {
		return Result{}, p.web.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Result{}, p.web.refusal(resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Result{}, p.web.explain(err)
	}
	samples, err := readMetrics(body, time.Now(), func(labels model.Metric) bool { return p.match.takes(labels, q.UnionID) })
	if err != nil {
		return Result{}, fmt.Errorf("%s has no metrics in the text format: %w", p.web.host, err)
	}
	records, err := promRecords(samples)
	if err != nil {
		return Result{}, err
	}
	sortSeries(records)
	return Result{Records: records}, nil
}

// readMetrics returns those samples that take says. Of a histogram they are its buckets, sum and count, as Prometheus stores it.
func readMetrics(text []byte, now time.Time, take func(model.Metric) bool) (model.Vector, error) {
	if bytes.Count(text, []byte("\n")) > maxMetricLines {
		return nil, fmt.Errorf("more than %d lines", maxMetricLines)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	var parse expfmt.ParseError
	switch {
	case errors.As(err, &parse):
		return nil, fmt.Errorf("line %d: %s", parse.Line, parse.Msg)
	case err != nil:
		return nil, err
	}
	var samples model.Vector
	options := expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(now.UnixNano())}
	for _, family := range families {
		more, err := expfmt.ExtractSamples(&options, family)
		if err != nil {
			return nil, err
		}
		for _, s := range more {
			if take(s.Metric) {
				samples = append(samples, s)
			}
		}
	}
	return samples, nil
}
