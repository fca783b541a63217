package feeds

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// pollAt polls src, at the time of the bubble.
func pollAt(t *testing.T, src Source, q Query) []Record {
	t.Helper()
	res, err := src.Poll(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return res.Records
}

func TestWeatherShowsADayEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := NewWeather()
		q := Query{Interval: 7 * time.Second}
		time.Sleep(7*time.Second - time.Duration(time.Now().UnixNano()%int64(7*time.Second)))
		first := pollAt(t, src, q)
		time.Sleep(6 * time.Second)
		if again := pollAt(t, NewWeather(), q); again[0]["date"] != first[0]["date"] {
			t.Errorf("day %v and then %v in one interval", first[0]["date"], again[0]["date"])
		}
		time.Sleep(time.Second)
		day, _ := time.Parse(time.DateOnly, first[0]["date"].(string))
		if next := pollAt(t, src, q)[0]["date"]; next != day.AddDate(0, 0, 1).Format(time.DateOnly) {
			t.Errorf("day %v after %v; want the next", next, first[0]["date"])
		}
		days, err := weatherDays()
		if err != nil || len(days) != 1461 {
			t.Fatalf("%d days, %v; want 1461", len(days), err)
		}
		for _, day := range days {
			if len(day) != 2 || day[0]["date"] != day[1]["date"] || day[0]["location"] == day[1]["location"] {
				t.Fatalf("a day has %v; want one record a location", day)
			}
		}
		time.Sleep(7 * time.Second * 1460)
		if round := pollAt(t, src, q)[0]["date"]; round != first[0]["date"] {
			t.Errorf("after all days comes %v; want %v again", round, first[0]["date"])
		}
	})
}

func TestWeatherDataIsChecked(t *testing.T) {
	for _, bad := range []string{"", "location\n", "h,h,h,h,h,h,h\na,b,x,1,1,1,c\n", "h,h,h,h,h,h,h\na,b\n"} {
		if _, err := parseWeather([]byte(bad)); err == nil {
			t.Errorf("parseWeather(%q) gives no error", bad)
		}
	}
}

func TestSimulationsDependOnSeedAndTimeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, make := range map[string]func(uint64) Source{"sensors": NewSensors, "stocks": NewStocks} {
			a, b, other := pollAt(t, make(1), Query{}), pollAt(t, make(1), Query{}), pollAt(t, make(2), Query{})
			if !slices.EqualFunc(a, b, equalRecords) {
				t.Errorf("%s: two nodes differ", name)
			}
			if slices.EqualFunc(a, other, equalRecords) {
				t.Errorf("%s: the seed changes nothing", name)
			}
			time.Sleep(10 * time.Second)
			later := pollAt(t, make(1), Query{})
			if slices.EqualFunc(a, later, equalRecords) {
				t.Errorf("%s: time changes nothing", name)
			}
			if d := make(1).Describe(); !d.Simulated || a[0]["simulated"] != true {
				t.Errorf("%s does not say that it is simulated", name)
			}
		}
	})
}

func TestSensorsAreBelievable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := NewSensors(7)
		bounds := map[any][2]float64{"current": {0.5, 24}, "voltage": {215, 240}, "pm2.5": {1, 160}}
		var amps, volts, dust []float64
		last := map[any]float64{}
		for range 24 * 360 {
			for _, r := range pollAt(t, src, Query{}) {
				v, b := r["value"].(float64), bounds[r["kind"]]
				if v < b[0] || v > b[1] {
					t.Fatalf("%v = %v; want %v", r["id"], v, b)
				}
				if was, ok := last[r["id"]]; ok && math.Abs(v-was) > (b[1]-b[0])/4 {
					t.Errorf("%v jumps from %v to %v in 10 s", r["id"], was, v)
				}
				last[r["id"]] = v
				if r["location"] == "rack-1" {
					switch r["kind"] {
					case "current":
						amps = append(amps, v)
					case "voltage":
						volts = append(volts, v)
					case "pm2.5":
						dust = append(dust, v)
					}
				}
			}
			time.Sleep(10 * time.Second)
		}
		if len(last) != 12 {
			t.Errorf("%d sensors; want 12", len(last))
		}
		if c := correlation(amps, volts); c > -0.2 {
			t.Errorf("current and voltage correlate by %.2f; want a sag under load", c)
		}
		slices.Sort(dust)
		if median, top := dust[len(dust)/2], dust[len(dust)-1]; top < 2*median || median > 20 {
			t.Errorf("dust has median %v, top %v; want rare clouds", median, top)
		}
	})
}

func correlation(a, b []float64) float64 {
	var ma, mb, ab, aa, bb float64
	for i := range a {
		ma += a[i] / float64(len(a))
		mb += b[i] / float64(len(b))
	}
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}

func TestStocksWatchLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := NewStocks(7)
		lists := make(map[string]bool)
		prices := make(map[any]any)
		for _, user := range []string{"", "7", "8", "-1", "9223372036854775807"} {
			list := pollAt(t, src, Query{UnionID: user})
			if len(list) < 6 || len(list) > 10 {
				t.Errorf("user %q watches %d; want 6 to 10", user, len(list))
			}
			var all string
			seen := make(map[any]bool)
			for _, r := range list {
				if seen[r["symbol"]] {
					t.Errorf("user %q watches %v twice", user, r["symbol"])
				}
				seen[r["symbol"]] = true
				if p, ok := prices[r["symbol"]]; ok && p != r["price"] {
					t.Errorf("%v costs %v and %v", r["symbol"], p, r["price"])
				}
				prices[r["symbol"]] = r["price"]
				all += r["symbol"].(string)
			}
			lists[all] = true
		}
		if len(lists) != 5 {
			t.Errorf("%d different lists; want 5", len(lists))
		}
	})
}

func TestStocksAreBelievable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := stocks{7}
		for i := range companies {
			volume := int64(-1)
			at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			open := src.price(i, at)
			for range 24 * 60 {
				p := src.price(i, at)
				if p < 1 || p > 5000 || math.Abs(p/open-1) > 0.35 {
					t.Fatalf("%s costs %v on a day that began at %v", companies[i].symbol, p, open)
				}
				if next := src.price(i, at.Add(time.Second)); math.Abs(next/p-1) > 0.02 {
					t.Fatalf("%s jumps from %v to %v in a second", companies[i].symbol, p, next)
				}
				v := src.volume(i, at)
				if v < volume {
					t.Fatalf("%s: volume falls from %d to %d", companies[i].symbol, volume, v)
				}
				volume = v
				at = at.Add(time.Minute)
			}
		}
	})
}

func TestBuiltinFeedsWork(t *testing.T) {
	list := Builtin("node-1")
	s, err := NewScheduler(list, newRecorder(t), Options{Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		res, err := f.Source.Poll(t.Context(), Query{Interval: f.Interval})
		if err != nil || len(res.Records) == 0 {
			t.Errorf("%s: %d records, %v", f.Name, len(res.Records), err)
			continue
		}
		d := f.Source.Describe()
		for _, field := range append([]string{d.ID}, d.Values...) {
			if !d.has(field) {
				t.Errorf("%s: no field %q", f.Name, field)
			}
		}
		for _, r := range res.Records {
			for name := range r {
				if !d.has(name) {
					t.Errorf("%s: record with unknown field %q", f.Name, name)
				}
			}
		}
	}
	if got, err := s.Resolve(Subscription{Feed: "host", UnionID: "7", Params: "group=cpu"}); err != nil || got.String() != "host@node-1/-/1/10;group=cpu" {
		t.Errorf("Resolve(host) = %v, %v", got, err)
	}
}
