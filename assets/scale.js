// scale.js chooses what a chart shows: which times, between which values, with which marks.
(function (pulsewall) {
  "use strict";

  var SHORTEST = 300000; // ms: the least time that a chart shows

  var scale = {};

  // nice is the next round number from n up: 1, 2, 2.5 or 5 times a power of ten.
  function nice(n) {
    var power = Math.pow(10, Math.floor(Math.log(n) / Math.LN10)), steps = [1, 2, 2.5, 5], i;
    for (i = 0; i < steps.length; i += 1) {
      if (n <= steps[i] * power * 1.0001) { return steps[i] * power; }
    }
    return 10 * power;
  }

  // values are the ends of the value axis and the distance of its marks: a percentage goes from 0 to 100, what comes near
  // zero starts there, and a bound that is near is on it: curves keep at least half of the height.
  scale.values = function (low, high, unit, bounds) {
    var step, most;
    if (!(low <= high) || unit === "%" && low >= 0 && high <= 100) { return { low: 0, high: 100, step: 25 }; }
    if (low >= 0 && low < high / 2) {
      low = 0;
    } else if (high - low < Math.abs(high) * 1e-3) {
      step = Math.abs(high) * 1e-2 || 1;
      low -= step;
      high += step;
    }
    if (high === low) { high = low + 1; }
    most = 2 * (high - low);
    (bounds || []).forEach(function (bound) {
      var bottom = Math.min(low, bound), top = Math.max(high, bound);
      if (top - bottom <= most) {
        low = bottom;
        high = top;
      }
    });
    step = nice((high - low) / 5);
    return { low: Math.floor(low / step) * step, high: Math.ceil(high / step) * step, step: step };
  };

  // marks are the values from low to high.
  scale.marks = function (ends) {
    var count = Math.round((ends.high - ends.low) / ends.step), marks = [], i;
    for (i = 0; i <= count; i += 1) { marks.push(ends.low + i * ends.step); }
    return marks;
  };

  // places are the decimals that multiples of step need.
  scale.places = function (step) {
    var places = Math.max(0, -Math.floor(Math.log(step) / Math.LN10 + 1e-9)), whole = step * Math.pow(10, places);
    return Math.min(9, Math.abs(whole - Math.round(whole)) > 1e-9 ? places + 1 : places);
  };

  // number is a value with so many decimals, as the server writes it.
  scale.number = function (value, places) {
    var parts = Math.abs(value).toFixed(places).split(".");
    parts[0] = parts[0].replace(/\B(?=(\d{3})+$)/g, ",");
    return (value < 0 && /[1-9]/.test(parts.join("")) ? "−" : "") + parts.join(".");
  };

  function median(steps) {
    steps.sort(function (a, b) { return a - b; });
    return steps.length ? steps[Math.floor(steps.length / 2)] : 3600000;
  }

  // breakLine makes a gap of what a series misses for longer than limit while others go on.
  function breakLine(times, values, limit) {
    var last = -1, i, k;
    for (i = 0; i < values.length; i += 1) {
      if (typeof values[i] === "number") {
        if (last >= 0 && times[i] - times[last] > limit) {
          for (k = last + 1; k < i; k += 1) { values[k] = null; }
        }
        last = i;
      }
    }
  }

  // align puts series on one row of times: [times, values of the first name, …]. Where more than three times the usual
  // distance lies between two times there is a gap.
  scale.align = function (series, names) {
    var at = {}, times = [], steps = [], data, limit, i;
    names.forEach(function (name) {
      (series[name] || []).forEach(function (point) {
        if (!at[point[0]]) { times.push(point[0]); }
        at[point[0]] = true;
      });
    });
    times.sort(function (a, b) { return a - b; });
    for (i = 1; i < times.length; i += 1) { steps.push(times[i] - times[i - 1]); }
    limit = 3 * median(steps);
    data = [[]].concat(names.map(function () { return []; }));
    names.forEach(function (name, n) {
      at = {};
      (series[name] || []).forEach(function (point) { at[point[0]] = point[1]; });
      times.forEach(function (time, k) {
        if (k > 0 && time - times[k - 1] > limit) {
          data[n + 1].push(null);
          if (n === 0) { data[0].push(times[k - 1] + 1); }
        }
        data[n + 1].push(at[time]); // undefined where this series has no point: the line goes on
        if (n === 0) { data[0].push(time); }
      });
      breakLine(data[0], data[n + 1], limit);
    });
    return data;
  };

  // span is the time that a chart shows: the last hour, less where there is less.
  scale.span = function (times) {
    var to = times.length ? times[times.length - 1] : Date.now();
    return [Math.max(to - 3600000, Math.min(to - SHORTEST, times.length ? times[0] : to)), to];
  };

  pulsewall.scale = scale;
}(window.pulsewall = window.pulsewall || {}));
