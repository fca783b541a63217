package feeds

import (
	"context"
	"math"
	"strconv"
	"time"
)

// stocks makes up a market and a watch list for each user.
type stocks struct{ seed uint64 }

// NewStocks returns a simulation of a market of invented companies. Each user watches 6 to 10 of them; without a user
// it is a list of 8. A price is the same for all users and depends on seed and time alone.
func NewStocks(seed uint64) Source { return stocks{seed} }

func (stocks) Describe() Description {
	return Description{
		Title: "Stocks",
		Fields: []Field{
			{Name: "symbol", Label: "Symbol", Type: "string"},
			{Name: "name", Label: "Name", Type: "string"},
			{Name: "price", Label: "Price", Type: "number"},
			{Name: "change", Label: "Day", Unit: "%", Type: "change"},
			{Name: "volume", Label: "Volume", Type: "integer"},
			{Name: "time", Label: "Time", Type: "time"},
			{Name: "simulated", Label: "Simulated", Type: "bool"},
		},
		ID: "symbol", Label: "name", Values: []string{"price"}, Time: "time", PerUser: true, Whole: true, Simulated: true,
	}
}

func (s stocks) Poll(_ context.Context, q Query) (Result, error) {
	now := time.Now().Truncate(time.Second)
	var records []Record
	for _, i := range s.watchList(q.UnionID) {
		price, open := s.price(i, now), s.price(i, now.Truncate(24*time.Hour))
		records = append(records, Record{
			"symbol": companies[i].symbol, "name": companies[i].name,
			"price": round(price, 2), "change": round(100*(price/open-1), 2), "volume": s.volume(i, now),
			"time": now.UTC().Format(timeLayout), "simulated": true,
		})
	}
	return Result{Records: records}, nil
}

// watchList returns the places of companies that the user watches.
func (s stocks) watchList(unionID string) []int {
	n := 8
	seed := mix(s.seed, 'L')
	if id, err := strconv.ParseInt(unionID, 10, 64); err == nil {
		seed = mix(seed, uint64(id), 1)
		n = 6 + int(mix(seed)%5)
	}
	all := make([]int, len(companies))
	for i := range all {
		all[i] = i
	}
	for i := range n { // shuffle no further than needed
		j := i + int(mix(seed, uint64(i))%uint64(len(all)-i))
		all[i], all[j] = all[j], all[i]
	}
	return all[:n]
}

// price is a geometric walk: from day to day around what the company is worth, within a day along a path whose width
// the regime of the day gives, calm or nervous for several days on end.
func (s stocks) price(company int, at time.Time) float64 {
	seed := mix(s.seed, uint64(company), '$')
	const day = 86400
	t := float64(at.Unix())
	worth := math.Exp(2.2 + 3.6*uniform(seed))
	k := at.Unix() / day
	regime := 0.008
	if uniform(seed, uint64((k+int64(seed%7))/5), 2) < 0.3 {
		regime = 0.026
	}
	days := 0.16 * walk(seed, t, 40*day, 0.5)
	return worth * math.Exp(days+regime*walk(mix(seed, 3), t, day, 1.2))
}

// volume is what was traded since midnight UTC: more at noon than at night, never less than a moment ago.
func (s stocks) volume(company int, at time.Time) int64 {
	seed := mix(s.seed, uint64(company), '#')
	const day = 86400
	k, x := at.Unix()/day, float64(at.Unix()%day)/day
	whole := math.Exp(12 + 3*uniform(seed) + 0.4*gauss(seed, uint64(k)))
	return int64(whole * (x - 0.9/(2*math.Pi)*math.Sin(2*math.Pi*x)))
}

type company struct{ symbol, name string }

// companies are invented.
var companies = []company{
	{"HZN", "Horizon Grid"}, {"PLS", "Pulse Instruments"}, {"WLL", "Wallface"}, {"TPL", "Templar Foods"},
	{"GRD", "Gridworks"}, {"BRK", "Birkwood Timber"}, {"LMN", "Lumenor"}, {"QRY", "Quarry & Sons"},
	{"TDL", "Tidal Motors"}, {"NVA", "Novalith"}, {"ORC", "Orchard Lane"}, {"KTE", "Kite Logistics"},
	{"FJD", "Fjordline Shipping"}, {"MSN", "Mason Bright"}, {"PPR", "Paperhaus"}, {"SLT", "Saltmarsh Energy"},
	{"VRD", "Verdara"}, {"CPR", "Copperfield Wire"}, {"GLS", "Glasshouse Labs"}, {"DRF", "Driftwell"},
	{"ANV", "Anvil Robotics"}, {"RVR", "Riverbend Water"}, {"STR", "Starling Air"}, {"MPL", "Maple & Rye"},
	{"CLD", "Cloudberry Dairy"}, {"NRT", "Northgate Rail"}, {"SPR", "Sparrow Telecom"}, {"IVY", "Ivydale Homes"},
	{"FLT", "Flintlock Tools"}, {"OPL", "Opaline Health"}, {"BSK", "Basket Mutual"}, {"THR", "Thornfield Bank"},
	{"WVR", "Weaver Textiles"}, {"EMB", "Emberly Heating"}, {"CRN", "Cranefoot Paper"}, {"JNP", "Juniper Gate"},
	{"HLM", "Helmsman Marine"}, {"YRW", "Yarrow Seeds"}, {"ZPH", "Zephyrine Wind"}, {"ATL", "Atlas Bicycle"},
}
