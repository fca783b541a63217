package history

import (
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestEncode(t *testing.T) {
	at := noon.UnixMilli()
	tests := map[string]Block{
		"nothing":         {},
		"one":             {"a": {{at, 21.5, 21.5, 21.5, 1}}},
		"decimals":        {"a": {{at, -0.25, -0.25, -0.25, 1}, {at + 10_000, 0.1, 0.1, 0.1, 1}, {at + 50_000, 1e6, 1e6, 1e6, 3}}},
		"no decimals":     {"a": {{at, math.Pi, math.Pi, math.Pi, 1}, {at + 10_000, -math.MaxFloat64, 0, math.MaxFloat64, 2}}},
		"huge":            {"a": {{at, 1e300, 1e300, 1e300, 1}, {at + 10_000, 1 << 53, 1 << 53, 1 << 53, 1}}},
		"tiny":            {"a": {{at, 5e-324, 5e-324, 5e-324, 1}}},
		"bounds and mean": {"ü b": {{at, 1, 1.5, 2, 2}}, "": {{at, 0, 0, 0, 7}}},
		"long ago":        {"a": {{10_000, 1, 1, 1, 1}}},
	}
	for name, b := range tests {
		got, err := Decode(b.Encode(Width), Width)
		if err != nil {
			t.Errorf("%s: Decode = %v", name, err)
		}
		for series, list := range got {
			for i, c := range list {
				want := b[series][i]
				if math.Abs(c.Mean/4-want.Mean/4) > (want.Max/4-want.Min/4)/math.MaxUint32 {
					t.Errorf("%s: mean %v; want %v", name, c.Mean, want.Mean)
				}
				list[i].Mean = want.Mean
			}
		}
		if !reflect.DeepEqual(got, b) {
			t.Errorf("%s: Decode = %v; want %v", name, got, b)
		}
	}
}

// TestEncodeSize holds what docs/operating.md says a cell takes.
func TestEncodeSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one, many, rough := make(Block), make(Block), make(Block)
	for i := range int64(1000) {
		v := math.Round(200+50*math.Sin(float64(i)/50)+10*random.Float64()) / 10
		one.add("a", Cell{i * 10_000, v, v, v, 1})
		many.add("a", Cell{i * 10_000, v, v + 0.3, math.Round(10*v+7) / 10, 6})
		rough.add("a", Cell{i * 10_000, v + random.Float64(), v + 1, v + 1 + random.Float64(), 6})
	}
	for _, tt := range []struct {
		name  string
		block Block
		most  float64 // bytes a cell
	}{{"single values", one, 3.2}, {"min, mean and max", many, 7.2}, {"of 15 digits", rough, 24.5}} {
		got := float64(len(tt.block.Encode(Width))) / 1000
		t.Logf("%s: %.1f bytes a cell", tt.name, got)
		if got > tt.most {
			t.Errorf("%s take %.1f bytes a cell; want %.1f at most", tt.name, got, tt.most)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Block{"a": {{0, 1, 1, 1, 1}, {20_000, 1, 2.5, 3, 2}}, "b": {{0, math.Pi, math.Pi, math.Pi, 1}}}.Encode(Width))
	f.Add([]byte{codeVersion, 1, 0, 1, 200})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Decode(data, Width)
		if err != nil {
			return
		}
		if cells := len(slices.Concat(slices.Collect(maps.Values(b))...)); cells > len(data) {
			t.Errorf("%d cells of %d bytes", cells, len(data))
		}
	})
}

func TestJoin(t *testing.T) {
	a := Block{"x": {{0, 1, 2, 3, 2}, {20_000, 5, 5, 5, 1}}, "mine": {{0, 1, 1, 1, 1}}}
	b := Block{"x": {{0, 0, 4, 9, 4}, {10_000, 7, 7, 7, 1}}, "theirs": {{0, 2, 2, 2, 1}}}
	want := Block{
		"x": {{0, 0, 4, 9, 4}, {10_000, 7, 7, 7, 1}, {20_000, 5, 5, 5, 1}}, "mine": {{0, 1, 1, 1, 1}}, "theirs": {{0, 2, 2, 2, 1}},
	}
	if a.Join(b); !reflect.DeepEqual(a, want) {
		t.Errorf("Join = %v; want %v", a, want)
	}
}

func TestSeriesBound(t *testing.T) {
	b := make(Block)
	for i := range mostSeries + 5 {
		more, ok := b.add(string(rune('一'+i)), Cell{At: int64(i) * 10_000, Count: 1})
		if want := 1; !ok || i < mostSeries && more != want || i >= mostSeries && more != 0 {
			t.Fatalf("add of series %d = %d, %v", i, more, ok)
		}
	}
	if len(b) != mostSeries || b["一"] != nil {
		t.Errorf("%d series, the first still there: %v; want %d without it", len(b), b["一"] != nil, mostSeries)
	}
	if _, ok := b.add("late", Cell{At: 0, Count: 1}); ok {
		t.Error("a series that was silent for longer than all others found room")
	}
}

func TestPlan(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		ago, length, step time.Duration
		want              time.Duration
		bad               bool
	}{
		{ago: time.Hour, length: time.Hour, want: 10 * time.Second},
		{ago: 6 * time.Hour, length: 6 * time.Hour, want: 30 * time.Second},
		{ago: 7 * time.Hour, length: time.Hour, want: time.Minute},
		{ago: 7 * time.Hour, length: time.Hour, step: 90 * time.Second, want: 2 * time.Minute},
		{ago: 90 * day, length: 90 * day, want: 3 * time.Hour},
		{ago: 90 * day, length: 60 * day, step: 10 * time.Minute, want: 10 * time.Minute},
		{ago: 90 * day, length: 90 * day, step: 10 * time.Minute, bad: true},
		{ago: 8 * day, length: time.Hour, step: 10 * time.Second, want: 10 * time.Minute},
		{ago: 900 * day, length: 900 * day, want: day},
		{ago: 1100 * day, length: 1100 * day, bad: true},
		{ago: time.Hour, length: 0, bad: true},
		{ago: time.Hour, length: time.Hour, step: time.Second, bad: true},
		{ago: time.Hour, length: time.Hour, step: 15 * time.Second, bad: true},
		{ago: time.Hour, length: time.Hour, step: 25 * time.Hour, bad: true},
	}
	now := noon.Add(7 * time.Second)
	for _, tt := range tests {
		from := now.Add(-tt.ago)
		got, err := Plan(now, from, from.Add(tt.length), tt.step)
		if (err != nil) != tt.bad || got.Step != tt.want {
			t.Errorf("Plan(-%v for %v, step %v) = %v, %v; want step %v, error %v", tt.ago, tt.length, tt.step, got.Step, err, tt.want, tt.bad)
		}
		if tt.bad {
			continue
		}
		first, last := from.Sub(got.From), got.To.Sub(from.Add(tt.length))
		if first < 0 || first >= got.Step || last < 0 || last >= got.Step || got.From.UnixMilli()%got.Step.Milliseconds() != 0 {
			t.Errorf("Plan(-%v for %v) = %v to %v; want whole steps of %v around it", tt.ago, tt.length, got.From, got.To, got.Step)
		}
	}
}
