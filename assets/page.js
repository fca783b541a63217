// page.js makes a rendered dashboard live: it gives what the link brings to the panels, header and notices.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var MOST_WAITING = 20; // messages kept until they can be seen; older ones are counted
  var TICK = 250; // ms; ages count seconds, but a reading that is late is asked for at once

  // Page follows the main element that has data-live.
  function Page(main) {
    var self = this, strings = {}, room = main.querySelector("[data-chat]");
    try { strings = JSON.parse(document.body.getAttribute("data-strings")) || {}; } catch (none) { strings = {}; }
    this.words = new pulsewall.Words(strings);
    this.paused = false;
    this.waiting = []; // messages that came while the tab was hidden
    this.missed = false; // likewise, a reset
    this.people = null;
    this.notices = new pulsewall.Notices(dom.slot(document, "notices") || dom.make("div"), this.words);
    this.alone = this.notices.find("alone").length > 0;
    this.header = new pulsewall.Header(this);
    this.place = new pulsewall.Place(main);
    this.raised = new pulsewall.Raised(this, main);
    this.link = new pulsewall.Link({
      address: main.getAttribute("data-live"),
      query: function () { return self.query(); },
      cursor: main.getAttribute("data-cursor"),
      time: Date.parse(main.getAttribute("data-time")),
      fetched: pulsewall.Clock.fetched(),
      event: function (event) { self.take(event); },
      newer: function (events) { return self.newer(events); },
      subscribed: function (sub, reply) { self.subscribed(sub, reply); },
      changed: function (link) {
        if (self.chat) { self.chat.changed(link); }
        self.tell();
      }
    });
    this.words.localise(document);
    this.chat = room ? new pulsewall.Chat(room, this) : null;
    this.panels = dom.all(main, "[data-panel]").map(function (section) { return new pulsewall.Panel(section, self); });
    pulsewall.listen(this);
    window.setInterval(function () { self.tick(); }, TICK);
    this.link.start();
    pulsewall.charts.load(this);
  }

  Page.prototype.hidden = function () { return Boolean(document.hidden); };

  // held: what comes is kept, not shown.
  Page.prototype.held = function () { return this.paused || this.hidden(); };

  // state is what decides, beside a reading itself, how fresh it is.
  Page.prototype.state = function () {
    var now = Date.now(), link = this.link;
    return { now: link.clock.now(), proved: link.clock.proved, lost: link.lostAt ? now - link.lostAt : 0, sleptAt: link.sleptAt,
      slept: now - link.sleptAt, paused: this.paused, alone: this.alone };
  };

  // subs are the distinct subscriptions of the panels.
  Page.prototype.subs = function () {
    var subs = [];
    this.panels.forEach(function (panel) { if (subs.indexOf(panel.sub) < 0) { subs.push(panel.sub); } });
    return subs;
  };

  // query is that of the live address: who, which subscriptions, as the fragments that the page shows.
  Page.prototype.query = function () {
    var query = this.place.query().concat("format=html", this.chat ? this.chat.query() : []);
    this.subs().forEach(function (sub) { query.push("sub=" + encodeURIComponent(sub)); });
    this.asked = this.subs();
    return query.join("&");
  };

  Page.prototype.take = function (event) {
    var data = event.data, alert;
    alert = this.raised.take(event);
    if (this.chat && this.chat.take(event) || alert) { return; }
    if (event.event === "reading") {
      this.panels.forEach(function (panel) { panel.take(data); });
    } else if (event.event === "hello") {
      this.rename(data.subs);
    } else if (event.event === "presence" || event.event === "heartbeat") {
      this.people = data;
      if (event.event === "presence") {
        this.alone = Boolean(data.degraded);
        this.settle(data.nodes);
      }
      if (!this.hidden()) { this.header.count(data); }
    } else if (event.event === "message" || event.event === "reset") {
      if (event.event === "message") { this.waiting.push(data); } else { this.missed = true; }
      if (this.waiting.length > MOST_WAITING) {
        this.waiting.shift();
        this.notices.skip(1);
      }
      if (!this.held()) { this.tellWaiting(); }
    }
  };

  // settle has panels of a machine that nobody named leave a node that is gone for one that is here: the one that answers.
  Page.prototype.settle = function (nodes) {
    var before = this.subs(), here = this.link.node;
    if (!Array.isArray(nodes) || !nodes.length) { return; }
    if (nodes.indexOf(here) < 0) { here = nodes[0]; }
    this.panels.forEach(function (panel) {
      if (panel.follows && nodes.indexOf(panel.node()) < 0) { panel.move(here); }
    });
    this.link.follow(before, this.subs(), false);
  };

  Page.prototype.tellWaiting = function () {
    var self = this, waiting = this.waiting;
    this.waiting = [];
    if (this.missed) { this.notices.put("reset", "info", "", this.words.say("resetNotice"), this.notices.dismissal()); }
    this.missed = false;
    waiting.forEach(function (message) { self.notices.message(message); });
  };

  // rename takes over the names that the server gives the subscriptions asked for: readings come under those.
  Page.prototype.rename = function (canonical) {
    var asked = this.asked;
    if (!Array.isArray(canonical) || canonical.length !== asked.length) { return; }
    this.panels.forEach(function (panel) {
      var name = canonical[asked.indexOf(panel.sub)];
      if (typeof name === "string" && name !== panel.sub) { panel.rename(name); }
    });
  };

  // newer says whether an answer holds a reading that a panel should have had.
  Page.prototype.newer = function (events) {
    var panels = this.panels;
    return events.some(function (event) {
      return event.event === "reading" && panels.some(function (panel) { return panel.isNewer(event.data); });
    });
  };

  // tell brings ages and the header up to date.
  Page.prototype.tell = function () {
    if (this.hidden()) { return; }
    this.panels.forEach(function (panel) { panel.tell(); });
    this.header.tell();
  };

  // tick keeps ages true and asks once after each reading that is late.
  Page.prototype.tick = function () {
    var now = this.link.clock.now(), late;
    if (this.hidden()) { return; }
    late = this.panels.filter(function (panel) { return panel.isLate(now); });
    this.tell();
    if (late.length) { this.link.check(); }
  };

  // release shows all that waited.
  Page.prototype.release = function () {
    if (this.hidden()) { return; }
    if (!this.paused) {
      this.panels.forEach(function (panel) { panel.show(); });
      this.tellWaiting();
    }
    if (this.people) { this.header.count(this.people); }
    this.raised.release();
    this.tick();
  };

  Page.prototype.pause = function (on) {
    this.paused = on;
    this.release();
  };

  // hrefOf is the address of this page with a panel on another page of its records.
  Page.prototype.hrefOf = function (panel, current) { return this.place.href(this.panels, panel, current); };

  // turn shows another page of a panel's records.
  Page.prototype.turn = function (panel, current) {
    if (!(current > 0)) { return; }
    this.go(this.place.turned(this.panels, panel, current), true);
  };

  // user shows the page of another user, from the first page of records on.
  Page.prototype.user = function (unionId) {
    var to = this.place.state(this.panels);
    to.unionId = unionId;
    this.panels.forEach(function (panel) { if (panel.perUser) { to.currents[panel.name] = 1; } });
    this.go(to, true);
  };

  // go makes the page what a place says, and keeps the place in the history if it is new.
  Page.prototype.go = function (to, isNew) {
    var before = this.subs(), newUser = to.unionId !== this.place.unionId, input = document.querySelector("[name=unionId]");
    this.place.unionId = to.unionId;
    if (input) { input.value = to.unionId; }
    if (isNew) { this.place.push(to); }
    this.panels.forEach(function (panel) { panel.go(to); });
    this.link.follow(before, this.subs(), newUser);
  };

  // subscribed hears what the server says to a subscription that was asked for in band.
  Page.prototype.subscribed = function (sub, reply) {
    var name = reply.result && reply.result.sub, problem = reply.problem, title = this.words.say("refused");
    this.panels.forEach(function (panel) {
      if (panel.sub !== sub) { return; }
      if (problem) {
        panel.blank("error", title, String(problem.detail || problem.title || ""));
      } else if (typeof name === "string" && name !== sub) {
        panel.rename(name);
      }
    });
  };

  pulsewall.Page = Page;
}(window.pulsewall = window.pulsewall || {}));
