package feeds

import "time"

// builtinSeed gives the simulations of all nodes the same world.
const builtinSeed = 7

// Builtin returns the feeds that need no configuration: host and processes of this machine, known as node, weather,
// sensors and stocks.
func Builtin(node string) []Feed {
	return []Feed{
		{Name: "host", Source: NewHost(node), Interval: DefaultInterval},
		{Name: "processes", Source: NewProcesses(), Interval: DefaultInterval},
		{Name: "weather", Source: NewWeather(), Interval: DefaultInterval},
		{Name: "sensors", Source: NewSensors(builtinSeed), Interval: DefaultInterval, MaxAge: time.Minute},
		{Name: "stocks", Source: NewStocks(builtinSeed), Interval: DefaultInterval},
	}
}
