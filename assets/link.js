// link.js keeps one live connection: the best transport that gets through, opened again by the position of the last.
(function (pulsewall) {
  "use strict";

  var KEPT_IDS = 1000; // messages remembered, so that none is told twice

  function nothing() { return false; }

  // Link follows options.address ("/live") with the query that options.query() returns, from options.cursor on.
  // options.event(event) gets every event once, options.changed(link) follows state: "stopped", "connecting", "live",
  // "waiting" (until retryAt) or "refused" (link.refusal says why; start tries again). options.newer(events) says whether
  // events hold what should have come before, options.subscribed(sub, reply) gets the replies to subscriptions in band.
  // The last three may be left out. Nothing happens before start.
  function Link(options) {
    this.options = options;
    options.changed = options.changed || nothing;
    options.newer = options.newer || nothing;
    options.subscribed = options.subscribed || nothing;
    this.ladder = pulsewall.rungs.filter(function (rung) { return rung.here(); });
    this.clock = new pulsewall.Clock(options.time, options.fetched);
    this.after = options.cursor || "";
    this.session = "";
    this.state = "stopped";
    this.seen = { ids: Object.create(null), order: [] };
    this.replies = Object.create(null);
    this.ref = 0;
    this.heartbeat = 15;
    this.met = false; // was live once
    this.proved = {}; // rungs that have delivered a hello on this page
    this.reset();
  }

  Link.HELLO = 5000;        // ms that a rung has to deliver its hello
  Link.ANSWER = 2000;       // ms that a stream has to answer when asked whether it is alive
  Link.SETTLED = 10000;     // ms after which a connection counts as one that worked
  Link.CLIMB = 30000;       // ms until better rungs are tried again; doubles up to CLIMB_MAX
  Link.CLIMB_MAX = 300000;
  Link.SLEPT = 5000;        // ms without a tick: the machine slept
  Link.THROTTLED = 65000;   // ms between ticks that browsers allow themselves in hidden tabs

  // reset forgets all trouble: the next start is a first one.
  Link.prototype.reset = function () {
    this.rung = 0;
    this.strikes = 0;    // times that this rung failed while the server answered
    this.failures = 0;   // attempts in a row that failed
    this.troubleAt = 0;  // when the first of them did
    this.lostAt = 0;     // when what is shown stopped being live
    this.sleptAt = 0;    // when a sleep was noticed
    this.stuck = 0;      // times that this rung held news back
    this.climbDelay = Link.CLIMB;
    this.bye = null;
    this.refusal = null;
  };

  Link.prototype.start = function () {
    var self = this;
    if (this.state === "refused") { this.reset(); }
    if (!this.ticker) {
      this.tickedAt = Date.now();
      this.ticker = window.setInterval(function () { self.tick(); }, 1000);
    }
    this.open();
  };

  Link.prototype.stop = function () {
    this.clear();
    window.clearInterval(this.ticker);
    this.ticker = null;
    this.change("stopped");
  };

  // resume starts again after a stop that nobody here asked for: the page was put aside by the browser.
  Link.prototype.resume = function () {
    this.sleptAt = Date.now();
    this.clock.forget();
    this.start();
  };

  Link.prototype.change = function (state) {
    this.state = state;
    this.options.changed(this);
  };

  // clear ends whatever is open or planned.
  Link.prototype.clear = function () {
    this.drop(this.conn);
    this.drop(this.trial);
    this.conn = this.trial = null;
    window.clearTimeout(this.retryTimer);
    window.clearTimeout(this.climbTimer);
    this.forget();
  };

  // forget gives up what was asked beside the stream or on it.
  Link.prototype.forget = function () {
    if (this.asked) { this.asked.close(); }
    this.asked = null;
    this.checking = false;
    this.replies = Object.create(null);
  };

  Link.prototype.drop = function (conn) {
    if (!conn || conn.over) { return; }
    conn.over = true;
    window.clearTimeout(conn.timer);
    if (conn.wire) { conn.wire.close(); }
  };

  // address of the live query on a transport ("ws", "sse", "poll"), from where this link stands.
  Link.prototype.address = function (form, more) {
    var base = this.options.address, query = [this.options.query()];
    if (base.charAt(0) === "/") { base = window.location.protocol + "//" + window.location.host + base; }
    if (this.after) { query.push("after=" + encodeURIComponent(this.after)); }
    if (this.session) { query.push("session=" + encodeURIComponent(this.session)); }
    if (more) { query.push(more); }
    return base + "/" + form + "?" + query.join("&");
  };

  Link.prototype.open = function () {
    this.clear();
    this.bye = null;
    this.openedAt = Date.now();
    this.change("connecting");
    this.conn = this.connect(this.rung);
  };

  Link.prototype.connect = function (rung) {
    var self = this, conn = { rung: rung, heardAt: 0, over: false };
    conn.timer = window.setTimeout(function () { self.end(conn, {}); }, Link.HELLO);
    window.setTimeout(function () {
      if (conn.over) { return; }
      try {
        conn.wire = self.ladder[rung].open(self, {
          event: function (event) { self.receive(conn, event); },
          cursor: function (cursor) { self.move(conn, cursor); },
          end: function (how) { self.end(conn, how); }
        });
      } catch (refused) {
        self.end(conn, {}); // a browser may have the name of a transport and refuse its use
      }
    }, 0);
    return conn;
  };

  Link.prototype.receive = function (conn, event) {
    if (conn.over) { return; }
    if (!conn.heardAt) {
      if (event.event !== "hello") { return; }
      this.greet(conn);
    }
    conn.heardAt = Date.now();
    this.take(event);
  };

  Link.prototype.move = function (conn, cursor) {
    if (conn.over) { return; }
    conn.heardAt = Date.now();
    this.after = cursor || this.after;
  };

  // greet makes a connection that said hello the one that counts. A trial takes over here, with the running one open
  // until now: what both brought is told once, because messages are known by id and readings by version.
  Link.prototype.greet = function (conn) {
    window.clearTimeout(conn.timer);
    if (conn === this.trial) {
      this.drop(this.conn);
      this.conn = conn;
      this.trial = null;
      this.forget();
    }
    conn.since = conn.heardAt = Date.now();
    this.rung = conn.rung;
    this.proved[conn.rung] = this.met = true;
    this.strikes = 0;
    this.lostAt = 0;
    this.refusal = null;
    this.transport = this.ladder[conn.rung].name;
    this.climbLater();
    this.change("live");
  };

  // take tells the page what came, whichever way it came.
  Link.prototype.take = function (event) {
    var data = event.data;
    if (event.id) { this.after = event.id; }
    if (typeof data.time === "string") { this.clock.learn(Date.parse(data.time)); }
    if (event.event === "hello") {
      this.session = typeof data.session === "string" ? data.session : this.session;
      this.node = String(data.node || "");
      this.heartbeat = data.heartbeat > 0 ? Number(data.heartbeat) : this.heartbeat;
    } else if (event.event === "bye") {
      this.leave(data);
    } else if (event.event === "reply") {
      this.answered(data);
    } else if (event.event === "message" && !this.isNew(data.id || event.id)) {
      return;
    }
    try { this.options.event(event); } catch (mistake) {
      window.setTimeout(function () { throw mistake; }, 0); // the console should know; the link goes on
    }
  };

  Link.prototype.isNew = function (id) {
    var seen = this.seen;
    if (!id) { return true; }
    if (seen.ids[id]) { return false; }
    seen.ids[id] = true;
    seen.order.push(id);
    if (seen.order.length > KEPT_IDS) { delete seen.ids[seen.order.shift()]; }
    return true;
  };

  // leave obeys a bye. A WebSocket has a second to say with its close code why.
  Link.prototype.leave = function (bye) {
    var self = this, conn = this.conn;
    this.bye = { retry: bye.retry >= 0 ? Number(bye.retry) : undefined };
    conn.timer = window.setTimeout(function () { self.end(conn, {}); }, conn.wire.send ? 1000 : 0);
  };

  pulsewall.Link = Link;
}(window.pulsewall = window.pulsewall || {}));
