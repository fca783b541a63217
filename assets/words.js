// words.js says ages, times and freshness in the words that the page brought along.
(function (pulsewall) {
  "use strict";

  var LATE = 2000;  // ms after which a reading that was due is late
  var NOTICED = 3000; // ms that a lost connection may take to come back before panels say so
  var ASLEEP = 15000; // ms after a sleep within which an old reading is blamed on it

  function Words(strings) { this.strings = strings; }

  // say is the string of a key, its {names} filled in from values.
  Words.prototype.say = function (key, values) {
    var text = this.strings[key];
    return (typeof text === "string" ? text : key).replace(/\{(\w+)\}/g, function (whole, name) {
      return values && values[name] !== undefined ? String(values[name]) : whole;
    });
  };

  // isolate keeps marks in foreign text that turn the direction of writing from turning the words around it.
  Words.prototype.isolate = function (text) {
    return /[\u202a-\u202e\u2066-\u2069]/.test(text) ? "\u2068" + text + "\u2069" : text;
  };

  // age is a duration (ms) in its two largest units; minutes go without seconds.
  Words.prototype.age = function (ms) {
    var self = this, s = Math.floor(Math.max(0, ms) / 1000);
    function unit(key, n) { return self.say(key, { n: Math.floor(n) }); }
    function two(big, n, small, rest) { return unit(big, n) + (rest >= 1 ? " " + unit(small, rest) : ""); }
    if (s < 60) { return unit("seconds", s); }
    if (s < 3600) { return unit("minutes", s / 60); }
    if (s < 86400) { return two("hours", s / 3600, "minutes", s % 3600 / 60); }
    return two("days", s / 86400, "hours", s % 86400 / 3600);
  };

  function two(n) { return (n < 10 ? "0" : "") + n; }

  // time is a time of day (ms) where the reader is, with the date when it is another day's.
  Words.prototype.time = function (ms, minutesOnly) {
    var t = new Date(ms), text = two(t.getHours()) + ":" + two(t.getMinutes());
    if (!ms || isNaN(t.getTime())) { return "–"; }
    if (!minutesOnly) { text += ":" + two(t.getSeconds()); }
    if (Math.abs(Date.now() - ms) > 43200000) {
      text = t.getFullYear() + "-" + two(t.getMonth() + 1) + "-" + two(t.getDate()) + " " + text;
    }
    return text;
  };

  Words.prototype.count = function (n) { return String(Math.floor(Number(n) || 0)).replace(/\B(?=(\d{3})+$)/g, ","); };

  // localise turns the clock times of a fragment, which the server writes in UTC, into those of the reader.
  Words.prototype.localise = function (root) {
    var self = this;
    pulsewall.dom.all(root, "time[datetime]").forEach(function (time) {
      var clock = /^\d\d:\d\d(:\d\d)? UTC$/.exec(time.textContent), ms = Date.parse(time.getAttribute("datetime"));
      if (clock && !isNaN(ms)) { time.textContent = self.time(ms, !clock[1]); }
    });
  };

  // fresh says how old a reading is and, unless it is fresh, why: {text, kind}, kind "", "wait" or "old". state has now
  // (the server's) and whether that is proved, lost and slept (ms since, 0: not), paused and alone.
  Words.prototype.fresh = function (reading, state) {
    var cut = this.cut(reading, state), source = this.source(reading, state), said = [], kind = "old";
    var kept = reading.at > 0 && reading.status !== "loading";
    if (cut) {
      said.push(cut);
    } else if (state.paused && kept) {
      said.push(this.say("pausing"));
      kind = source ? "old" : "wait";
    } else if (!source && !(kept && state.proved)) {
      said.push(this.say("waiting"));
      kind = "wait";
      kept = false;
    } else if (!source && reading.due && state.now - reading.due > LATE) {
      said.push(this.say("late", { age: this.age(state.now - reading.due) }));
    } else if (!source) {
      said.push(this.age(state.now - reading.at));
      kind = "";
      kept = false;
    }
    if (source) { said.push(source); }
    if (kept) { said.push(this.data(reading, state)); }
    if (state.alone && !cut) { said.push(this.say("nodeAlone")); }
    return { kind: kind, text: said.filter(Boolean).join(" · ") };
  };

  // cut says why nothing can have come since.
  Words.prototype.cut = function (reading, state) {
    if (reading.heardAt < state.sleptAt && state.slept < ASLEEP) { return this.say("asleep"); }
    return state.lost > NOTICED ? this.say("lostSince", { age: this.age(state.lost) }) : "";
  };

  // source is what the source itself is to blame for.
  Words.prototype.source = function (reading, state) {
    var said;
    if (reading.status === "error") { return this.say("failingSince", { time: this.time(reading.since) }); }
    if (reading.status !== "stale") { return ""; }
    if (reading.reason === "failed") {
      said = this.say("sourceFailing", { error: this.isolate(reading.error.replace(/\.$/, "")) });
      return reading.circuit && reading.due && state.proved ? said + " · " + this.say("nextTry", { age: this.age(reading.due - state.now) }) : said;
    }
    return reading.sourceAt && state.proved ?
      this.say("sourceOld", { age: this.age(state.now - reading.sourceAt) }) : this.say("sourceOldPlain");
  };

  // data says of when the records are, beside a reason that does not say it. No age is told before the clock is proved.
  Words.prototype.data = function (reading, state) {
    var values = { time: this.time(reading.at), age: this.age(state.now - reading.at) }, failing = reading.reason === "failed";
    if (reading.status === "error" || reading.status === "stale" && !failing) { return ""; }
    if (!state.proved) { return this.say("dataOf", values); }
    return failing ? this.say("dataOfAge", values) : this.say("dataAge", values);
  };

  Words.LATE = LATE;
  pulsewall.Words = Words;
}(window.pulsewall = window.pulsewall || {}));
