package feeds

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/common/model"
)

// promRecords makes a record of each series: its labels, value and time, metric for its name, and series for all that
// tells it apart. A label of one of these names becomes exported_ with it, as Prometheus does. Of a range the newest value
// is the value, beside the least, the mean and the greatest.
func promRecords(value model.Value) ([]Record, error) {
	var n int
	var record func(i int) Record
	switch v := value.(type) {
	case model.Vector:
		n, record = len(v), func(i int) Record { return sampleRecord(v[i]) }
	case model.Matrix:
		n, record = len(v), func(i int) Record { return streamRecord(v[i]) }
	case *model.Scalar:
		n, record = 1, func(int) Record { return promRecord(nil, float64(v.Value), v.Timestamp) }
	case nil:
		return nil, nil
	default:
		return nil, fmt.Errorf("the answer is of type %s, which is neither vector, matrix nor scalar", value.Type())
	}
	if n > maxSamples {
		return nil, fmt.Errorf("the answer has %d series, more than %d; aggregate them", n, maxSamples)
	}
	records := make([]Record, n)
	for i := range records {
		records[i] = record(i)
	}
	return records, nil
}

func promRecord(labels model.Metric, value any, at model.Time) Record {
	r := make(Record, len(labels)+4)
	for name, text := range labels {
		field := string(name)
		switch field {
		case model.MetricNameLabel:
			field = "metric"
		case "series", "metric", "value", "time", "min", "mean", "max", "count", "sum":
			field = "exported_" + field
		}
		r[field] = string(text)
	}
	r["series"] = labels.String()
	r["value"] = value
	r["time"] = at.Time().UTC().Format(timeLayout)
	return r
}

// sampleRecord gives a histogram its count and its sum, and their quotient as value.
func sampleRecord(s *model.Sample) Record {
	if s.Histogram == nil {
		return promRecord(s.Metric, float64(s.Value), s.Timestamp)
	}
	return histogramRecord(s.Metric, s.Histogram, s.Timestamp)
}

func histogramRecord(labels model.Metric, h *model.SampleHistogram, at model.Time) Record {
	count, sum := float64(h.Count), float64(h.Sum)
	r := promRecord(labels, sum/count, at)
	r["count"], r["sum"] = count, sum
	return r
}

func streamRecord(s *model.SampleStream) Record {
	if len(s.Values) == 0 {
		if n := len(s.Histograms); n > 0 {
			return histogramRecord(s.Metric, s.Histograms[n-1].Histogram, s.Histograms[n-1].Timestamp)
		}
		return promRecord(s.Metric, nil, 0)
	}
	last := s.Values[len(s.Values)-1]
	r := promRecord(s.Metric, float64(last.Value), last.Timestamp)
	least, most, sum, n := math.Inf(1), math.Inf(-1), 0.0, 0
	for _, p := range s.Values {
		if v := float64(p.Value); !math.IsNaN(v) && !math.IsInf(v, 0) {
			least, most, sum, n = min(least, v), max(most, v), sum+v, n+1
		}
	}
	if n > 0 {
		r["min"], r["mean"], r["max"] = least, sum/float64(n), most
	}
	return r
}

// sortSeries gives records the same order at each poll.
func sortSeries(records []Record) {
	slices.SortStableFunc(records, func(a, b Record) int {
		return cmp.Compare(a["series"].(string), b["series"].(string))
	})
}
