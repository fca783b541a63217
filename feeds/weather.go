package feeds

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"sync"
	"time"
)

//go:embed data/weather.csv
var weatherCSV []byte

// weatherDays reads the data once: the records of each day, in the order of the file.
var weatherDays = sync.OnceValues(func() ([][]Record, error) { return parseWeather(weatherCSV) })

// weather replays a data set, a day each interval.
type weather struct{}

// NewWeather returns a source that replays four years of real weather, one day of them each interval, and begins again
// at the end. The day follows from the clock alone: every node, and a node after a restart, shows the same.
func NewWeather() Source { return weather{} }

func (weather) Describe() Description {
	return Description{
		Title: "Weather",
		Fields: []Field{
			{Name: "location", Label: "Location", Type: "string"},
			{Name: "date", Label: "Day", Type: "string"},
			{Name: "weather", Label: "Weather", Type: "string"},
			{Name: "tempMax", Label: "High", Unit: "°C", Type: "number"},
			{Name: "tempMin", Label: "Low", Unit: "°C", Type: "number"},
			{Name: "precipitation", Label: "Precipitation", Unit: "mm", Type: "number"},
			{Name: "wind", Label: "Wind", Unit: "m/s", Type: "number"},
		},
		ID: "location", Values: []string{"tempMax", "tempMin"}, Filters: []string{"location"}, Whole: true,
		Origin: "NOAA daily weather 2012–2015, by vega-datasets 3.2.1, replayed a day each reading",
	}
}

func (weather) Poll(_ context.Context, q Query) (Result, error) {
	days, err := weatherDays()
	if err != nil {
		return Result{}, fmt.Errorf("read the weather data: %w", err)
	}
	tick := time.Now().UnixNano() / int64(cmp.Or(q.Interval, DefaultInterval))
	return Result{Records: days[tick%int64(len(days))]}, nil
}

// parseWeather expects the days of each location in the same order.
func parseWeather(data []byte) ([][]Record, error) {
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, err
	}
	byDate := make(map[string]int)
	var days [][]Record
	for i, row := range rows {
		if i == 0 {
			continue // the names of the columns
		}
		record, err := weatherRecord(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		day, known := byDate[row[1]]
		if !known {
			day = len(days)
			byDate[row[1]] = day
			days = append(days, nil)
		}
		days[day] = append(days[day], record)
	}
	if len(days) == 0 {
		return nil, fmt.Errorf("no days")
	}
	return days, nil
}

// weatherRecord reads location, date, precipitation, temp_max, temp_min, wind, weather.
func weatherRecord(row []string) (Record, error) {
	r := Record{"location": row[0], "date": row[1], "weather": row[6]}
	for i, field := range []string{"precipitation", "tempMax", "tempMin", "wind"} {
		v, err := strconv.ParseFloat(row[2+i], 64)
		if err != nil {
			return nil, fmt.Errorf("%s %q: a number is expected", field, row[2+i])
		}
		r[field] = v
	}
	return r, nil
}
