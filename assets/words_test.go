package assets_test

import (
	"testing"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// TestParts calls parts of the script by themselves: each script's value must be the text that is wanted.
func TestParts(t *testing.T) {
	t.Parallel()
	b := open(t, newFake(t), "")
	b.Run(`window.words = pulsewall.page.words; window.scale = pulsewall.scale;
		window.axis = function (low, high, unit, bounds) { var v = scale.values(low, high, unit, bounds); return [v.low, v.high, v.step].map(function (n) { return Number(n.toPrecision(9)); }).join(" "); };
		window.fresh = function (more, state) {
			var r = { sub: "", version: 1, at: 100000, due: 110000, sourceAt: 0, status: "ok", reason: "", error: "", since: 0, heardAt: 1 }, k;
			var s = { now: 102000, proved: true, lost: 0, sleptAt: 0, slept: 0, paused: false, alone: false };
			for (k in more) { r[k] = more[k]; }
			for (k in state) { s[k] = state[k]; }
			r = words.fresh(r, s);
			return r.kind + ":" + r.text;
		};
		window.clock = function () { var c = new pulsewall.Clock(Date.now() - 5000); c.learn(Date.now() - 9000); c.learn(Date.now() - 70); return c; };
		window.still = function (act) { var real = Date.now, now = real.call(Date); Date.now = function () { return now; }; try { return act(); } finally { Date.now = real; } };`)
	tests := []struct{ script, want string }{
		{`words.age(-5)`, "0 s"},
		{`words.age(59999)`, "59 s"},
		{`words.age(119999)`, "1 min"},
		{`words.age(3600000)`, "1 h"},
		{`words.age(3899999)`, "1 h 4 min"},
		{`words.age(97200000)`, "1 d 3 h"},
		{`words.count(1234567.8)`, "1,234,567"},
		{`words.time(0)`, "–"},
		{`words.say("from", { name: "{time} $& $1" })`, "from {time} $& $1"},
		{`words.say("nothing of this name")`, "nothing of this name"},

		{`fresh({}, {})`, ":2 s"},
		{`fresh({}, { alone: true })`, ":2 s · nodeAlone"},
		{`fresh({}, { now: 112001 })`, "old:reading late by 2 s · data 12 s old"},
		{`fresh({ due: 0 }, { now: 900000 })`, ":13 min"},
		{`fresh({}, { lost: 2000 })`, ":2 s"},
		{`fresh({}, { lost: 14000 })`, "old:connection lost 14 s ago · data 2 s old"},
		{`fresh({}, { lost: 5000, now: 3220000 })`, "old:connection lost 5 s ago · data 52 min old"},
		{`fresh({ status: "loading", at: 0 }, { lost: 5000 })`, "old:connection lost 5 s ago"},
		{`fresh({ status: "error" }, { lost: 5000 })`, "old:connection lost 5 s ago · failing since –"},
		{`fresh({ status: "stale", reason: "failed", error: "no route." }, { lost: 5000, now: 134000 }).replace(/\d\d:\d\d:\d\d/, "T").replace(/\d{4}-\d\d-\d\d /, "")`,
			"old:connection lost 5 s ago · source failing: no route · data of T (34 s old)"},
		{`fresh({ status: "stale", reason: "failed", error: "no route.", circuit: "open", due: 142000 }, {}).replace(/ · data of .*/, "")`,
			"old:source failing: no route · next try in 40 s"},
		{`fresh({ status: "stale", reason: "failed", error: "no route.", circuit: "open", due: 101000 }, {}).replace(/ · data of .*/, "")`,
			"old:source failing: no route · next try in 0 s"},
		{`fresh({ status: "stale", reason: "failed", error: "no route.", circuit: "open", due: 142000 }, { proved: false }).replace(/ · data of .*/, "")`,
			"old:source failing: no route"},
		{`fresh({ status: "stale", reason: "source-old", sourceAt: 80000 }, { lost: 5000 })`, "old:connection lost 5 s ago · source’s data is 22 s old"},
		{`fresh({}, { now: 112001, sleptAt: 5, slept: 3 })`, "old:tab was asleep · data 12 s old"},
		{`fresh({ heardAt: 7 }, { sleptAt: 5, slept: 3 })`, ":2 s"},
		{`fresh({}, { paused: true, now: 134000 })`, "wait:paused · data 34 s old"},
		{`fresh({ status: "error" }, { paused: true })`, "old:paused · failing since –"},

		{`fresh({}, { proved: false })`, "wait:waiting"}, // an old page, from the cache of the browser
		{`fresh({}, { proved: false, now: 900000 })`, "wait:waiting"},
		{`fresh({}, { proved: false, lost: 5000 }).replace(/data of .*/, "data of T")`, "old:connection lost 5 s ago · data of T"},
		{`fresh({ status: "stale", reason: "source-old", sourceAt: 80000 }, { proved: false })`, "old:sourceOldPlain"},
		{`String(new pulsewall.Clock(Date.now() - 5000).proved) + new pulsewall.Clock(Date.now(), true).proved + clock().proved`, "falsetruetrue"},
		{`pulsewall.Clock.fetched()`, "true"},
		{`fresh({ status: "loading", at: 0 }, {})`, "wait:waiting"},
		{`fresh({ status: "stale", reason: "source-old" }, {})`, "old:sourceOldPlain"},
		{`fresh({ status: "error" }, {})`, "old:failing since –"},

		{`axis(Infinity, -Infinity, "")`, "0 100 25"},
		{`axis(3, 97, "%")`, "0 100 25"},
		{`axis(2, 46, "Mbit/s")`, "0 50 10"},
		{`axis(20, 30, "°C")`, "20 30 2"},
		{`axis(5, 5, "V")`, "4.94 5.06 0.02"},
		{`axis(0, 0, "V")`, "0 1 0.2"},
		{`axis(-3, 4, "V")`, "-4 4 2"},
		{`axis(20, 24, "°C", [26, 30])`, "20 26 2"}, // a bound that is near is on the axis
		{`axis(3, 43, "W", [60, 80])`, "0 80 20"},
		{`axis(229, 231, "V", [227, 210])`, "227 231 1"},
		{`[scale.places(25), scale.places(2.5), scale.places(0.25), scale.places(0.02), scale.places(1e-30)].join()`, "0,1,2,2,9"},
		{`[scale.number(1234.5, 0), scale.number(-0.001, 2), scale.number(-12.345, 2), scale.number(0, 1)].join(" ")`, "1,235 0.00 −12.35 0.0"},
		{`JSON.stringify(scale.align({ a: [[1000, 1], [2000, 2], [3000, 3], [9000, 9]], b: [[2000, 5]] }, ["a", "b", "c"]))`,
			`[[1000,2000,3000,3001,9000],[1,2,3,null,9],[null,5,null,null,null],[null,null,null,null,null]]`},
		{`scale.span([]).map(function (n, i, all) { return all[1] - n; }).join()`, "300000,0"},
		{`scale.span([0, 7200000]).join()`, "3600000,7200000"},

		{`still(function () { return Date.now() - clock().now(); })`, "70"}, // the sample that was quickest on its way counts
	}
	for _, tt := range tests {
		if got := browsertest.Eval[string](b, "String("+tt.script+")"); got != tt.want {
			t.Errorf("%s = %q; want %q", tt.script, got, tt.want)
		}
	}
}
