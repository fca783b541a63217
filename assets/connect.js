// connect.js is for pages of one's own, on whatever site: what comes over a Link, given to functions.
(function (pulsewall) {
  "use strict";

  var LATE = 2000; // ms after which a reading that was due is asked for
  var TICK = 1000; // ms between looks
  var TOLD = ["message", "presence", "room", "reset"];

  // Wall follows subscriptions and rooms on the server at options.url. Its functions get what PROTOCOL calls the data of the
  // events of their names; state gets {state, transport, node, problem, retryAt} whenever one of them has changed.
  function Wall(options) {
    var self = this, home = String(options.url || "").replace(/\/+$/, "");
    this.options = options;
    this.subs = (options.subs || []).slice();
    this.rooms = (options.rooms || []).slice();
    this.readings = Object.create(null); // the newest by subscription
    this.changes = [];                   // of subs and rooms, until the server knows of them
    this.said = "";
    this.over = null;                    // what is told to whoever asks for more after close
    this.link = new pulsewall.Link({
      address: home + "/live",
      cursor: options.after,
      query: function () { return self.query(); },
      event: function (event) { self.take(event); },
      newer: function (events) {
        return events.some(function (event) { return event.event === "reading" && self.isNewer(event.data); });
      },
      changed: function (link) {
        if (link.state !== "live") { self.tell(); } // what is live is told with its hello
      }
    });
    this.outbox = new pulsewall.Outbox(this.link, home, function () { return self.who(); });
    this.unattend = pulsewall.attend(this.link);
    this.ticker = window.setInterval(function () { self.tick(); }, TICK);
    this.starter = window.setTimeout(function () { self.link.start(); }, 0); // whoever called has this wall by then
  }

  Wall.prototype.who = function () {
    var who = {};
    if (this.options.unionId !== undefined) { who.unionId = String(this.options.unionId); }
    if (this.options.name) { who.name = String(this.options.name); }
    return who;
  };

  Wall.prototype.query = function () {
    var who = this.who(), query = [];
    function add(name) {
      return function (value) { query.push(name + "=" + encodeURIComponent(value)); };
    }
    Object.keys(who).forEach(function (name) { add(name)(who[name]); });
    if (this.options.presence || this.options.room) { query.push("presence=1"); }
    this.subs.forEach(add("sub"));
    this.rooms.forEach(add("room"));
    return query.join("&");
  };

  // call gives a value to a function of the page's. Its mistakes are its own: the console should know, the wall goes on.
  Wall.prototype.call = function (act, value, more) {
    if (typeof act !== "function") { return; }
    try { act(value, more); } catch (mistake) {
      window.setTimeout(function () { throw mistake; }, 0);
    }
  };

  Wall.prototype.take = function (event) {
    var readings = this.readings, subs = event.data.subs;
    if (event.event === "reading") {
      this.read(event.data);
    } else if (event.event === "hello") {
      Object.keys(readings).forEach(function (sub) {
        if (Array.isArray(subs) && subs.indexOf(sub) < 0) { delete readings[sub]; }
      });
      if (this.link.state === "live") { this.tell(); }
    } else if (TOLD.indexOf(event.event) >= 0) {
      this.call(this.options[event.event], event.data);
    }
  };

  Wall.prototype.isNewer = function (data) {
    var known = this.readings[data.sub];
    return !known || data.version > known.version || !known.version && data.status !== known.status;
  };

  // read gives a reading on. One that says no more than that nothing changed gets the page and the values of the one before.
  Wall.prototype.read = function (data) {
    var known = this.readings[data.sub], last = known ? known.last : {}, at = Date.parse(data.at);
    if (!this.isNewer(data)) { return; }
    if (data.same && known) {
      data.page = known.page;
      data.sourceAt = data.sourceAt || known.sourceAt;
      data.points = {};
      Object.keys(last).forEach(function (name) { data.points[name] = [[at, last[name]]]; });
    }
    this.readings[data.sub] = {
      version: data.version, status: data.status, due: Date.parse(data.due) || 0, missed: false, page: data.page, sourceAt: data.sourceAt,
      last: ends(data.points, last)
    };
    this.call(this.options.reading, data);
  };

  // ends are the last values of each series, old ones where no new ones came.
  function ends(points, before) {
    var last = {};
    Object.keys(before).forEach(function (name) { last[name] = before[name]; });
    Object.keys(points || {}).forEach(function (name) {
      var list = points[name];
      if (list.length) { last[name] = list[list.length - 1][1]; }
    });
    return last;
  }

  // tick asks, once for each reading that was due, whether it was held back on the way.
  Wall.prototype.tick = function () {
    var now = this.link.clock.now(), readings = this.readings, late = false;
    Object.keys(readings).forEach(function (sub) {
      var known = readings[sub];
      if (known.due > 0 && now - known.due > LATE && !known.missed) { known.missed = late = true; }
    });
    if (late) { this.link.check(); }
    this.outbox.flush();
  };

  // tell says how the link is, and goes on with what waits for it.
  Wall.prototype.tell = function () {
    var link = this.link, said, now;
    if (this.settle()) { return; } // a refusal of changes alone, which passes
    now = {
      state: link.state,
      transport: link.state === "live" ? link.transport : "",
      node: link.node || "",
      problem: link.refusal ? link.refusal.detail : "",
      retryAt: link.state === "waiting" ? link.retryAt : 0
    };
    said = JSON.stringify(now);
    if (said !== this.said) {
      this.said = said;
      this.call(this.options.state, now);
    }
    this.outbox.flush();
  };

  // settle tells what has become of changes that went with the query of a new connection. A refusal takes them back, and returns
  // true: without them it goes on.
  Wall.prototype.settle = function () {
    var self = this, link = this.link, live = link.state === "live", changes = this.changes, problem;
    if (!changes.length || !live && link.state !== "refused") { return false; }
    this.changes = changes.filter(function (change) { return live && change.conn === link.conn; }); // those have a reply coming
    changes = changes.filter(function (change) { return self.changes.indexOf(change) < 0; });
    problem = live ? null : { status: 0, title: "Refused", detail: link.refusal.detail };
    changes.forEach(function (change) {
      if (problem && link.met) { change.undo(); }
      self.call(change.done, problem);
    });
    if (!problem || !link.met) { return false; }
    window.setTimeout(function () { self.restart(); }, 0);
    return true;
  };

  Wall.prototype.restart = function () {
    if (this.link.state === "refused") { this.link.start(); }
  };

  // change asks for more or less: in band where that is possible, else by opening again from where the link stands.
  Wall.prototype.change = function (op, undo, done) {
    var self = this, link = this.link, change = { undo: undo, done: done, conn: null };
    if (this.over) {
      this.call(done, this.over);
      return;
    }
    this.changes.push(change);
    if (link.state === "stopped" || link.state === "waiting") { return; } // it goes with the next query
    if (link.state === "refused") {
      this.restart();
    } else if (link.send(op, function (reply) { self.changed(change, op, reply); })) {
      change.conn = link.conn;
    } else {
      link.open();
    }
  };

  // changed hears the reply to a change in band.
  Wall.prototype.changed = function (change, op, reply) {
    var at = this.changes.indexOf(change);
    if (at < 0) { return; }
    this.changes.splice(at, 1);
    if (reply.problem) { change.undo(); }
    if (reply.result && op.op === "unsubscribe") { delete this.readings[reply.result.sub]; }
    this.call(change.done, reply.problem || null, reply.result);
  };

  function remove(list, value) {
    var at = list.indexOf(value);
    if (at >= 0) { list.splice(at, 1); }
    return at >= 0;
  }

  Wall.prototype.add = function (list, op, value, done) {
    if (list.indexOf(value) >= 0) {
      this.call(done, null);
      return;
    }
    list.push(value);
    this.change(op, function () { remove(list, value); }, done);
  };

  Wall.prototype.drop = function (list, op, value, done) {
    if (remove(list, value)) {
      this.change(op, function () { return; }, done);
    } else {
      this.call(done, null);
    }
  };

  Wall.prototype.send = function (to, data, done) {
    var self = this;
    function told(problem, receipt) { self.call(done, problem, receipt); }
    if (this.over) { told(this.over, null); } else { this.outbox.send(to, data, told); }
  };

  Wall.prototype.close = function () {
    var self = this, changes = this.changes;
    this.over = this.over || { status: 0, title: "Closed", detail: "the connection was closed" };
    window.clearTimeout(this.starter);
    window.clearInterval(this.ticker);
    this.unattend();
    this.changes = [];
    this.link.stop();
    changes.forEach(function (change) { self.call(change.done, self.over); });
    this.outbox.fail(this.over);
  };

  // connect follows a server for as long as the page lives or until close. Each done may be left out; it gets a problem, or
  // null and what the server said.
  pulsewall.connect = function (options) {
    var wall = new Wall(options || {});
    return {
      subscribe: function (sub, done) { wall.add(wall.subs, { op: "subscribe", sub: sub }, sub, done); },
      unsubscribe: function (sub, done) { wall.drop(wall.subs, { op: "unsubscribe", sub: sub }, sub, done); },
      join: function (room, done) { wall.add(wall.rooms, { op: "join", room: room }, room, done); },
      leave: function (room, done) { wall.drop(wall.rooms, { op: "leave", room: room }, room, done); },
      send: function (to, data, done) { wall.send(to, data, done); },
      close: function () { wall.close(); }
    };
  };
}(window.pulsewall = window.pulsewall || {}));
