// panel.js is one panel: the newest reading of its subscription, and its place in the page.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var KEPT = 8;         // readings kept of pages of records that were shown before, so that going back is instant
  var HOUR = 3600000;   // ms of points kept
  var PATIENCE = 200;   // ms to wait for another page of records before the panel says that it waits

  // Panel reads its state from the section that the server rendered.
  function Panel(section, page) {
    var plot = dom.slot(section, "plot"), sub = section.getAttribute("data-sub");
    this.section = section;
    this.page = page;
    this.name = section.getAttribute("data-panel");
    this.look = section.getAttribute("data-look");
    this.perUser = section.getAttribute("data-user") === "1";
    this.follows = section.hasAttribute("data-follows");
    this.current = Number(section.getAttribute("data-current")) || 1;
    this.body = dom.slot(section, "body");
    this.age = dom.slot(section, "age");
    this.tally = dom.slot(section, "tally");
    this.plot = plot;
    this.readings = {};
    this.order = [];
    this.sub = sub;
    this.shown = copy(this.read(sub));
  }

  // copy is what stays true of a reading on the glass while a newer one waits behind it.
  function copy(reading) {
    return { sub: reading.sub, version: reading.version, at: reading.at, due: reading.due, sourceAt: reading.sourceAt,
      status: reading.status, reason: reading.reason, error: reading.error, since: reading.since,
      circuit: reading.circuit, heardAt: reading.heardAt };
  }

  function attribute(section, name) { return section.getAttribute("data-" + name) || ""; }

  // read takes over what the server rendered as the newest reading, so that the first push finds something to follow.
  Panel.prototype.read = function (sub) {
    var reading = this.reading(sub), section = this.section;
    reading.version = Number(attribute(section, "version")) || 0;
    reading.at = Number(attribute(section, "at"));
    reading.due = Number(attribute(section, "due"));
    reading.sourceAt = Number(attribute(section, "source-at"));
    reading.status = attribute(section, "status");
    reading.reason = attribute(section, "reason");
    reading.error = attribute(section, "error");
    reading.since = Number(attribute(section, "since"));
    reading.circuit = attribute(section, "circuit");
    reading.heardAt = Date.now();
    reading.own = this.body.outerHTML;
    if (this.plot) {
      try { this.merge(reading, JSON.parse(this.plot.getAttribute("data-points"))); } catch (none) { this.plot.removeAttribute("data-points"); }
    }
    return reading;
  };

  // reading is the newest of a subscription, made empty when there is none.
  Panel.prototype.reading = function (sub) {
    var key = "#" + sub;
    if (!this.readings[key]) {
      this.readings[key] = { sub: sub, version: 0, at: 0, due: 0, sourceAt: 0, status: "loading", reason: "", error: "",
        since: 0, circuit: "", heardAt: Infinity, own: null, html: null, series: Object.create(null) };
      this.order.push(key);
      if (this.order.length > KEPT) { delete this.readings[this.order.shift()]; }
    }
    return this.readings[key];
  };

  Panel.prototype.newest = function () { return this.reading(this.sub); };

  // isNewer says whether a reading from the wire is one that this panel waits for.
  Panel.prototype.isNewer = function (data) {
    var reading = data.sub === this.sub && this.newest();
    return Boolean(reading) && (data.version > reading.version || !reading.version && data.status !== reading.status);
  };

  // take keeps a reading from the wire and shows it, if anything is to be shown now.
  Panel.prototype.take = function (data) {
    var reading;
    if (!this.isNewer(data)) { return; }
    reading = this.newest();
    reading.version = Number(data.version) || 0;
    reading.at = Date.parse(data.at) || 0;
    reading.due = Date.parse(data.due) || 0;
    reading.sourceAt = Date.parse(data.sourceAt) || (data.same ? reading.sourceAt : 0);
    reading.status = /^(ok|stale|error|loading)$/.test(data.status) ? data.status : "ok";
    reading.reason = String(data.reason || "");
    reading.error = String(data.error || "");
    reading.since = Date.parse(data.since) || 0;
    reading.circuit = String(data.circuit || "");
    reading.heardAt = Date.now();
    if (data.same) {
      this.repeat(reading);
    } else {
      reading.html = String(data.html || "");
      reading.own = null;
      this.merge(reading, data.points);
    }
    this.show();
  };

  // merge adds the points that are newer than the last of their series and lets go of those older than an hour.
  Panel.prototype.merge = function (reading, points) {
    var series = reading.series;
    if (!this.plot || !points || typeof points !== "object") { return; }
    Object.keys(points).forEach(function (name) {
      var kept = series[name] || [];
      var last = kept.length ? kept[kept.length - 1][0] : -Infinity;
      if (!Array.isArray(points[name])) { return; }
      points[name].forEach(function (point) {
        if (Array.isArray(point) && point[0] > last && isFinite(point[1])) {
          kept.push([Number(point[0]), Number(point[1])]);
          last = Number(point[0]);
        }
      });
      while (kept.length && kept[0][0] < last - HOUR) { kept.shift(); }
      series[name] = kept;
    });
  };

  // repeat is what a reading that is the same as before says: the last values hold at its time too.
  Panel.prototype.repeat = function (reading) {
    Object.keys(reading.series).forEach(function (name) {
      var kept = reading.series[name], last = kept[kept.length - 1];
      if (last && reading.at > last[0]) { kept.push([reading.at, last[1]]); }
    });
  };

  // follow shows another subscription: at once, with its true age, what is known of it, else that it is awaited.
  Panel.prototype.follow = function (sub, current) {
    var self = this;
    this.sub = sub;
    this.current = current;
    dom.setAttribute(this.section, "data-sub", sub);
    dom.setAttribute(this.section, "data-current", String(current));
    this.markPage(this.body);
    if (this.newest().version) {
      this.show();
      return;
    }
    this.section.setAttribute("aria-busy", "true");
    window.setTimeout(function () {
      if (self.sub === sub && !self.newest().version) {
        self.blank("loading", self.page.words.say("loadingTitle"), self.page.words.say("loadingText"));
      }
    }, PATIENCE);
    this.tell();
  };

  // node is whose machine the panel shows: "" of what is the same on every node.
  Panel.prototype.node = function () { return (/^[^\/]*@([^\/]+)/.exec(this.sub) || ["", ""])[1]; };

  // move shows the machine of another node, with a curve of its own.
  Panel.prototype.move = function (node) {
    var origin = dom.slot(this.section, "origin"), said = this.page.words.say("ofNode", { node: node });
    if (origin) {
      dom.setText(origin, said);
      origin.title = said;
    }
    this.follow(this.sub.replace(/@[^\/]+/, "@" + node), this.current);
  };

  // go follows a place: another user, another page of records.
  Panel.prototype.go = function (to) {
    var parts = this.sub.split(";"), path = parts[0].split("/"), current = to.currents[this.name] || this.current, sub;
    if (path.length !== 4) { return; }
    if (this.perUser) { path[1] = to.unionId || "-"; }
    path[2] = String(current);
    parts[0] = path.join("/");
    sub = parts.join(";");
    if (sub !== this.sub) { this.follow(sub, current); }
  };

  // rename takes over the name by which the server calls the subscription.
  Panel.prototype.rename = function (sub) {
    var reading = this.newest();
    reading.sub = sub;
    this.readings["#" + sub] = reading;
    this.order.push("#" + sub);
    if (this.shown.sub === this.sub) { this.shown.sub = sub; }
    this.sub = sub;
    dom.setAttribute(this.section, "data-sub", sub);
  };

  // isLate says, once of each reading that was due, that it has not come.
  Panel.prototype.isLate = function (now) {
    var reading = this.newest(), late = reading.due > 0 && now - reading.due > pulsewall.Words.LATE && reading.missed !== reading.due;
    if (late) { reading.missed = reading.due; }
    return late;
  };

  // blank puts a sentence in the place of the records. The pager stays, so that one can go elsewhere.
  Panel.prototype.blank = function (kind, title, text) {
    var foot = this.body.querySelector(".foot"), blank = dom.make("div", "blank " + kind), strong = dom.make("p");
    strong.appendChild(dom.make("strong", "", title));
    blank.appendChild(strong);
    blank.appendChild(dom.make("p", "", text));
    this.body.style.minHeight = this.body.offsetHeight + "px"; // the page below does not jump
    while (this.body.firstChild) { this.body.removeChild(this.body.firstChild); }
    this.body.appendChild(blank);
    if (foot) { this.body.appendChild(foot); }
    this.shown = copy(this.newest());
    pulsewall.tally(this.tally, blank);
    this.setStatus(kind);
  };

  // fragment is what a reading shows in this panel's look, as elements.
  Panel.prototype.fragment = function (reading) {
    var parsed, child;
    if (reading.own !== null) { return dom.parse(reading.own).firstChild; }
    parsed = dom.parse(reading.html || "");
    for (child = parsed.firstChild; child; child = child.nextSibling) {
      if (child.nodeType === 1 && child.getAttribute("data-look") === this.look) { return child; }
    }
    return null;
  };

  // show puts the newest reading on the glass. While the page is held the newest one waits, unless it is of another
  // page of records, which somebody asked for.
  Panel.prototype.show = function () {
    var reading = this.newest(), same = this.shown.sub === reading.sub && this.shown.version > 0, fresh;
    if (this.page.held() && same || !reading.version && reading.html === null) { return; }
    if (!same || this.shown.version !== reading.version) {
      fresh = this.fragment(reading);
      this.section.removeAttribute("aria-busy");
      this.section.setAttribute("data-version", String(reading.version));
      if (fresh) {
        this.markPage(fresh);
        this.page.words.localise(fresh);
        dom.patch(this.body, fresh);
        pulsewall.tally(this.tally, fresh);
        this.body.style.minHeight = "";
        this.shown = copy(reading);
        this.setStatus(reading.status);
      } else {
        this.blank("error", this.page.words.say("errorTitle"), ""); // old data must not stand under a new age
      }
      this.draw();
    }
    this.tell();
  };

  // draw gives the newest points to the chart. Where there is none the table stands in, once the drawing that the server
  // made is older than the data.
  Panel.prototype.draw = function () {
    if (this.chart) {
      this.chart.draw(this.newest().series);
    } else if (this.plot && !pulsewall.charts.coming) {
      while (this.plot.firstChild) { this.plot.removeChild(this.plot.firstChild); }
      dom.toggleClass(this.section, "as-table", true);
    }
  };

  Panel.prototype.showTable = function (on) {
    var button = this.section.querySelector("[data-action=table]"), label = this.page.words.say(on ? "showChart" : "showTable");
    dom.toggleClass(this.section, "as-table", on);
    if (!button) { return; }
    button.setAttribute("aria-pressed", String(on));
    button.setAttribute("aria-label", label);
    button.title = label;
    if (this.chart && !on) { this.chart.resize(); }
  };

  Panel.prototype.setStatus = function (status) {
    var section = this.section;
    ["ok", "stale", "error", "loading"].forEach(function (name) { dom.toggleClass(section, name, name === status); });
    dom.setAttribute(section, "data-status", status);
  };

  // markPage gives the links of a pager their addresses and says which is the current one.
  Panel.prototype.markPage = function (root) {
    var self = this;
    dom.all(root, "[data-page]").forEach(function (link) {
      var page = Number(link.getAttribute("data-page"));
      dom.setAttribute(link, "href", self.page.hrefOf(self, page));
      if (link.hasAttribute("rel") || !link.hasAttribute("aria-label")) { return; } // arrows, and links out of a blank
      if (page === self.current) {
        link.setAttribute("aria-current", "page");
      } else {
        link.removeAttribute("aria-current");
      }
    });
  };

  // tell says how old what is shown is, and why.
  Panel.prototype.tell = function () {
    var said = this.page.words.fresh(this.section.hasAttribute("aria-busy") ? this.newest() : this.shown, this.page.state());
    dom.setText(this.age, said.text);
    dom.setAttribute(this.age, "class", "age" + (said.kind ? " " + said.kind : ""));
    dom.toggleClass(this.section, "old", said.kind === "old");
  };

  pulsewall.Panel = Panel;
}(window.pulsewall = window.pulsewall || {}));
