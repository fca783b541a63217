package feeds

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

const sensorRacks = 4

// sensorSim makes up the sensors of four racks: current, voltage and fine dust of each.
type sensorSim struct{ seed uint64 }

// NewSensors returns a simulation of 12 sensors that write once a second: current (A), voltage (V) and pm2.5 (µg/m³)
// of four racks. What it shows depends on seed and time alone.
func NewSensors(seed uint64) Source { return sensorSim{seed} }

func (sensorSim) Describe() Description {
	return Description{
		Title: "Sensors",
		Fields: []Field{
			{Name: "id", Label: "Id", Type: "string"},
			{Name: "location", Label: "Location", Type: "string"},
			{Name: "kind", Label: "Kind", Type: "string"},
			{Name: "label", Label: "Sensor", Type: "string"},
			{Name: "value", Label: "Value", Type: "number"},
			{Name: "unit", Label: "Unit", Type: "string"},
			{Name: "time", Label: "Measured", Type: "time"},
			{Name: "simulated", Label: "Simulated", Type: "bool"},
		},
		ID: "id", Label: "label", Values: []string{"value"}, Unit: "unit", Time: "time",
		Filters: []string{"kind", "location"}, Whole: true, Simulated: true,
	}
}

func (s sensorSim) Poll(context.Context, Query) (Result, error) {
	now := time.Now().Truncate(time.Second)
	var records []Record
	for rack := range uint64(sensorRacks) {
		amps := s.current(rack, now)
		records = append(records,
			sensorRecord(rack, "current", round(amps, 2), "A", now),
			sensorRecord(rack, "voltage", round(s.voltage(rack, now, amps), 1), "V", now),
			sensorRecord(rack, "pm2.5", round(s.dust(rack, now), 1), "µg/m³", now))
	}
	return Result{Records: records}, nil
}

var sensorLabels = map[string]string{"current": "current", "voltage": "voltage", "pm2.5": "PM2.5"}

func sensorRecord(rack uint64, kind string, value float64, unit string, at time.Time) Record {
	location := fmt.Sprintf("rack-%d", rack+1)
	return Record{
		"id": location + "-" + strings.ReplaceAll(kind, ".", ""), "location": location, "kind": kind,
		"label": fmt.Sprintf("Rack %d %s", rack+1, sensorLabels[kind]),
		"value": value, "unit": unit, "time": at.UTC().Format(timeLayout), "simulated": true,
	}
}

// daylight goes from -1 in the night to 1 in the afternoon.
func daylight(at time.Time) float64 {
	hours := float64(at.Unix()%86400) / 3600
	return -math.Cos((hours - 2) / 24 * 2 * math.Pi)
}

// current follows the working day and the jobs that the rack runs.
func (s sensorSim) current(rack uint64, at time.Time) float64 {
	seed := mix(s.seed, rack, 'A')
	base := 8 + 6*uniform(seed)
	t := float64(at.Unix())
	return max(0.5, base+1.8*daylight(at)+1.1*walk(seed, t, 1800, 0.8)+0.12*gauss(seed, uint64(at.Unix()), 2))
}

// voltage sags under load. All racks hang on the same mains.
func (s sensorSim) voltage(rack uint64, at time.Time, amps float64) float64 {
	mains := 231 + 1.4*walk(mix(s.seed, 'V'), float64(at.Unix()), 900, 0.7) - 0.8*daylight(at)
	return mains - 0.28*amps + 0.1*gauss(s.seed, rack, uint64(at.Unix()), 3)
}

// dust has a slow background and now and then a cloud that rises in a minute and takes many to settle.
func (s sensorSim) dust(rack uint64, at time.Time) float64 {
	seed := mix(s.seed, rack, 'P')
	const slot, settle = 1200.0, 420.0
	t := float64(at.Unix())
	level := 9 + 3*walk(seed, t, 3600, 0.7) + 1.5*daylight(at)
	first := math.Floor(t / slot)
	for back := range 4 {
		k := uint64(first) - uint64(back)
		if uniform(seed, k, 4) > 0.3 {
			continue
		}
		age := t - (float64(k)+uniform(seed, k, 5))*slot
		if age > 0 {
			level += (20 + 45*uniform(seed, k, 6)) * (1 - math.Exp(-age/40)) * math.Exp(-age/settle)
		}
	}
	return max(1, level+0.3*gauss(seed, uint64(at.Unix()), 7))
}
