// chart.js draws with uPlot where the browser can run it. It is loaded by need and replaces the drawing of the server.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom, scale = pulsewall.scale;

  // Chart draws into the plot of a panel. The fragment's legend names its series and their colours, and its values follow
  // the pointer.
  function Chart(panel) {
    var axes = panel.plot.querySelector("svg[aria-label]");
    this.panel = panel;
    this.slot = panel.plot;
    this.unit = panel.plot.getAttribute("data-unit") || "";
    this.label = axes ? axes.getAttribute("aria-label") : "";
    this.names = "";
    this.bounds = JSON.parse(panel.plot.getAttribute("data-bounds") || "[]");
    this.values = scale.values(0, 100, "%");
    this.watch();
  }

  // legend lists the series as the fragment shows them.
  Chart.prototype.legend = function () {
    return dom.all(this.panel.body, ".legend [data-series]").map(function (item) {
      var colour = /(?:^|\s)(s\d+)(?:\s|$)/.exec(item.className);
      return { name: item.getAttribute("data-series"), colour: colour ? colour[1] : "s0", value: item.querySelector(".value b") };
    });
  };

  Chart.prototype.draw = function (series) {
    var items = this.legend(), names = items.map(function (item) { return item.name; }), data;
    if (!items.length) { return; }
    data = scale.align(series, names);
    this.range(data);
    this.said = items.map(function (item) { return item.value ? item.value.textContent : ""; });
    if (!this.plot || this.names !== names.join("\n")) {
      this.names = names.join("\n");
      this.build(items, data);
    } else {
      this.plot.setData(data);
    }
    this.place();
    this.point();
  };

  Chart.prototype.range = function (data) {
    var low = Infinity, high = -Infinity, i, k;
    for (i = 1; i < data.length; i += 1) {
      for (k = 0; k < data[i].length; k += 1) {
        if (typeof data[i][k] === "number") {
          low = Math.min(low, data[i][k]);
          high = Math.max(high, data[i][k]);
        }
      }
    }
    this.values = scale.values(low, high, this.unit, this.bounds.map(function (bound) { return bound[1]; }));
  };

  // place puts a line where each bound of a threshold lies. One that is off the scale is not shown.
  Chart.prototype.place = function () {
    var ends = this.values, bounds = this.bounds;
    this.lines.forEach(function (line, i) {
      var at = (ends.high - bounds[i][1]) / (ends.high - ends.low);
      line.style.display = at >= 0 && at <= 1 ? "" : "none";
      line.style.top = 100 * at + "%";
    });
  };

  Chart.prototype.build = function (items, data) {
    if (this.plot) { this.plot.destroy(); }
    while (this.slot.firstChild) { this.slot.removeChild(this.slot.firstChild); }
    this.plot = new window.uPlot(this.options(items), data, this.slot);
    this.lines = this.bounds.map(function (bound) { return this.plot.over.appendChild(dom.make("i", "bound " + bound[0])); }, this);
    this.tip = dom.make("div", "tip");
    this.tip.style.display = "none";
    this.slot.appendChild(this.tip);
    this.slot.setAttribute("role", "img");
    this.slot.setAttribute("aria-label", this.label);
  };

  // size: the axes of the drawing that the server made lie outside its box, those of uPlot inside of its own.
  Chart.prototype.size = function () {
    var style = window.getComputedStyle(this.slot);
    this.left = parseFloat(style.marginLeft) || 0;
    return {
      width: Math.max(80, Math.round(this.slot.clientWidth + this.left + (parseFloat(style.marginRight) || 0))),
      height: Math.max(80, this.slot.clientHeight)
    };
  };

  Chart.prototype.options = function (items) {
    var self = this, size = this.size(), style = window.getComputedStyle(this.panel.section);
    var words = this.panel.page.words;
    function colour(name) { return style.getPropertyValue("--" + name).replace(/\s/g, "") || "#888"; }
    var font = "11px " + window.getComputedStyle(document.body).fontFamily;
    var grid = { stroke: colour("line"), width: 1 };
    return {
      width: size.width,
      height: size.height,
      ms: 1,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false, setScale: false } },
      scales: {
        x: { range: function (plot) { return scale.span(plot.data[0]); } },
        y: { range: function () { return [self.values.low, self.values.high]; } }
      },
      axes: [
        { stroke: colour("dim"), font: font, size: 26, space: 80, grid: { show: false }, ticks: { show: false },
          values: function (plot, marks) {
            var seconds = marks.length > 1 && marks[1] - marks[0] < 60000, end = plot.bbox.width / window.devicePixelRatio;
            return marks.map(function (mark) { // a label that the edge would cut is left out
              return plot.valToPos(mark, "x") > end - (seconds ? 8 : 0) ? "" : words.time(mark, !seconds);
            });
          } },
        { stroke: colour("dim"), font: font, size: this.left, gap: 8, grid: grid, ticks: { show: false },
          splits: function () { return scale.marks(self.values); },
          values: function (plot, marks) {
            return marks.map(function (mark) { return scale.number(mark, scale.places(self.values.step)); });
          } }
      ],
      series: [{}].concat(items.map(function (item, i) {
        var stroke = colour(item.colour);
        return { label: item.name, stroke: stroke, width: 1.7, points: { show: false }, fill: function () {
          return i === 0 && self.values.low === 0 && /^#[0-9a-f]{6}$/i.test(stroke) ? stroke + "14" : null;
        } };
      })),
      hooks: { setCursor: [function () { self.point(); }] }
    };
  };

  // point lets legend and tip say the values under the pointer, and the newest again when it has gone.
  Chart.prototype.point = function () {
    var plot = this.plot, index = plot && plot.cursor ? plot.cursor.idx : null, said = this.said;
    var over = plot && plot.cursor.left >= 0 && index !== null && index !== undefined, left;
    this.legend().forEach(function (item, i) {
      var value = over && plot.data[i + 1] ? plot.data[i + 1][index] : undefined;
      var places = ((said[i] || "").split(".")[1] || "").replace(/\D/g, "").length;
      dom.setText(item.value, over ? (typeof value === "number" ? scale.number(value, places) : "–") : said[i]);
    });
    if (!this.tip) { return; }
    this.tip.style.display = over ? "" : "none";
    if (!over) { return; }
    dom.setText(this.tip, this.panel.page.words.time(plot.data[0][index]));
    left = Math.min(plot.cursor.left + 10, this.slot.clientWidth - this.tip.offsetWidth);
    this.tip.style.left = Math.max(0, left) + "px";
    this.tip.style.top = "0";
  };

  Chart.prototype.resize = function () {
    var size = this.size();
    if (!this.plot || !this.slot.clientWidth || size.width === this.plot.width && size.height === this.plot.height) { return; }
    this.plot.setSize(size);
  };

  Chart.prototype.watch = function () {
    var self = this;
    if (window.ResizeObserver) {
      new window.ResizeObserver(function () { self.resize(); }).observe(this.slot);
    } else {
      window.addEventListener("resize", function () { self.resize(); }, false);
    }
  };

  // recolour draws anew with the colours of now.
  Chart.prototype.recolour = function () {
    var items = this.legend();
    if (!this.plot || !items.length) { return; }
    this.build(items, this.plot.data);
    this.place();
    this.point();
  };

  var charts = { coming: false };

  // able: uPlot is newer JavaScript than this, and a browser that cannot read it would stop at its first line.
  function able() {
    return Boolean(window.Promise && window.Map && Object.assign && window.Path2D && window.Symbol && Array.prototype.includes);
  }

  // load fetches uPlot if there is a plot and the browser can run it. Until it is here the drawing of the server stays.
  charts.load = function (page) {
    var address = document.body.getAttribute("data-uplot"), script;
    var panels = page.panels.filter(function (panel) { return panel.plot; });
    function open() {
      panels.forEach(function (panel) {
        var button = panel.section.querySelector("[data-action=table]");
        panel.chart = new Chart(panel);
        panel.chart.draw(panel.newest().series);
        if (button) { button.removeAttribute("hidden"); }
      });
    }
    if (!panels.length || !address || !able()) { return; }
    charts.coming = true;
    script = document.createElement("script");
    script.src = address;
    script.onload = function () {
      charts.coming = false;
      if (window.uPlot) { open(); }
    };
    script.onerror = function () { charts.coming = false; };
    document.head.appendChild(script);
  };

  charts.recolour = function (panels) {
    panels.forEach(function (panel) { if (panel.chart) { panel.chart.recolour(); } });
  };

  pulsewall.charts = charts;
}(window.pulsewall = window.pulsewall || {}));
