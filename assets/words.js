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

  // fresh says how old a reading is and, unless it is fresh, why: {text, kind}, kind "", "wait" or "old". state has
  // now (the server's), lost and slept (ms since, 0: not), paused and alone.
  Words.prototype.fresh = function (reading, state) {
    var age = state.now - reading.at, said;
    if (reading.heardAt < state.sleptAt && state.slept < ASLEEP) { return { kind: "old", text: this.say("asleep") }; }
    if (state.lost > NOTICED) { return { kind: "old", text: this.say("lostSince", { age: this.age(state.lost) }) }; }
    said = this.source(reading, state.now, age);
    if (!said && state.paused) { said = { kind: "wait", text: this.say("pausedSince", { age: this.age(age) }) }; }
    if (!said && reading.due && state.now - reading.due > LATE) {
      said = { kind: "old", text: this.say("late", { age: this.age(state.now - reading.due) }) };
    }
    said = said || { kind: "", text: this.age(age) };
    if (state.alone) { said.text += " · " + this.say("nodeAlone"); }
    return said;
  };

  // source is what the source itself is to blame for.
  Words.prototype.source = function (reading, now, age) {
    var error = this.isolate(reading.error.replace(/\.$/, ""));
    if (reading.status === "error") {
      return { kind: "old", text: this.say("failingSince", { time: this.time(reading.since) }) };
    }
    if (reading.status === "stale" && reading.reason === "failed") {
      return { kind: "old", text: this.say("sourceFailing", { error: error, time: this.time(reading.at), age: this.age(age) }) };
    }
    if (reading.status === "stale") {
      return { kind: "old", text: reading.sourceAt ?
        this.say("sourceOld", { age: this.age(now - reading.sourceAt) }) : this.say("sourceOldPlain") };
    }
    if (reading.status === "loading" || !reading.at) { return { kind: "wait", text: this.say("waiting") }; }
    return null;
  };

  Words.LATE = LATE;
  pulsewall.Words = Words;
}(window.pulsewall = window.pulsewall || {}));
