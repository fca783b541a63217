// recovery.js is what a Link does when something is wrong: when to come back, on which rung, and how to find out.
(function (pulsewall) {
  "use strict";

  var Link = pulsewall.Link;
  var OVERLOADED = 5000;     // ms to stay away after 1013 without a bye
  var STOPS = [400, 401, 403, 404, 409, 413, 426]; // refusals that asking again will not change
  var NEVER = [4400, 4403];                        // close codes likewise; after 4401 a cookie may hold a new token
  var NOT_THE_SAME = [1003, 1007, 1009];           // what was sent this way is not wanted again

  // end is told once of every connection, whoever ended it.
  Link.prototype.end = function (conn, how) {
    var heard = conn.heardAt > 0, lived = heard ? Date.now() - conn.since : 0;
    if (conn.over) { return; }
    this.drop(conn);
    if (conn === this.trial) {
      this.trial = null;
      this.climb(conn.rung + 1);
      return;
    }
    if (conn !== this.conn) { return; }
    this.clear();
    this.lostAt = this.lostAt || Date.now();
    if (lived > Link.SETTLED) { this.failures = 0; }
    if (lived > 2 * Link.CLIMB) {
      this.climbDelay = Link.CLIMB;
      this.stuck = 0;
    }
    if (NEVER.indexOf(how.code) >= 0) {
      this.refuse(how);
    } else if (this.bye && this.bye.retry !== undefined) {
      this.retry(this.bye.retry);
    } else if (how.code === 1013) {
      this.retry(OVERLOADED);
    } else if (how.status && !(how.status === 401 && heard)) { // a token that ended: there may be a new one
      this.refused(how);
    } else if (NOT_THE_SAME.indexOf(how.code) >= 0) {
      this.rung = (this.rung + 1) % this.ladder.length;
      this.retry(this.jitter());
    } else if (how.code === 4408 && lived > 1000) {
      this.retry(0);
    } else if (heard) {
      this.retry(this.jitter());
    } else if (this.rung === this.ladder.length - 1) {
      this.rung = 0;
      this.retry(this.jitter());
    } else {
      this.probe();
    }
  };

  // probe asks the same query by a plain request. Its answer tells a refusal, which streams cannot read, from a rung that
  // does not get through, and that from a server that nothing gets through to. A rung that worked before on this page has
  // two tries, since a server that has just come back looks the same.
  Link.prototype.probe = function () {
    var self = this;
    this.change("connecting");
    this.asked = pulsewall.ask(this.address("poll", "wait=0"), function (answer) {
      if (!answer.events) {
        self.refused(answer);
        return;
      }
      self.takeAnswer(answer);
      self.strikes += 1;
      if (!self.proved[self.rung] || self.strikes > 1) {
        self.rung += 1;
        self.strikes = 0;
      }
      self.open();
    }, Link.HELLO);
  };

  // takeAnswer takes the events of an answer beside the stream. Its hello greets nobody: the stream is the connection.
  Link.prototype.takeAnswer = function (answer) {
    var i;
    for (i = 0; i < answer.events.length; i += 1) {
      if (answer.events[i].event !== "bye") { this.take(answer.events[i]); }
    }
    this.after = answer.cursor || this.after;
  };

  // learn takes only the time from an answer that brought nothing newer.
  Link.prototype.learn = function (events) {
    var clock = this.clock;
    events.forEach(function (event) { if (event.event === "hello") { clock.learn(Date.parse(event.data.time)); } });
  };

  // refused obeys an HTTP status. One that no problem comes with is the network's own, and passes.
  Link.prototype.refused = function (answer) {
    if (answer.status && answer.detail !== null && STOPS.indexOf(answer.status) >= 0) {
      this.refuse(answer);
      return;
    }
    this.refusal = answer.detail ? { detail: answer.detail, final: false } : null;
    this.retry(answer.retry === undefined ? this.jitter() : answer.retry + Math.random() * 1000);
  };

  Link.prototype.refuse = function (how) {
    this.refusal = { detail: how.detail || "", final: true };
    this.lostAt = this.lostAt || Date.now();
    this.change("refused");
  };

  Link.prototype.retry = function (delay) {
    var self = this;
    this.retryAt = Date.now() + delay;
    this.retryTimer = window.setTimeout(function () { self.open(); }, delay);
    this.change("waiting");
  };

  // jitter spreads reconnects, so that a restarted server is not met by every browser at once.
  Link.prototype.jitter = function () {
    if (this.failures === 0) { this.troubleAt = Date.now(); }
    this.failures += 1;
    return Math.random() * Math.min(Date.now() - this.troubleAt < 120000 ? 3000 : 30000, 500 * Math.pow(2, this.failures));
  };

  Link.prototype.climbLater = function () {
    var self = this;
    window.clearTimeout(this.climbTimer);
    if (this.rung === 0) { return; }
    this.climbTimer = window.setTimeout(function () {
      self.climbDelay = Math.min(Link.CLIMB_MAX, self.climbDelay * 2);
      self.climb(0);
    }, this.climbDelay);
  };

  // climb tries a better rung beside the running one, the best first.
  Link.prototype.climb = function (rung) {
    if (rung >= this.rung || this.state !== "live") {
      this.climbLater();
      return;
    }
    this.trial = this.connect(rung);
  };

  // check asks whether the stream still lives and holds nothing back. No answer in 2 s ends it, and so does an answer
  // with something newer than the stream brought.
  Link.prototype.check = function () {
    var self = this, conn = this.conn;
    if (this.state !== "live" || this.checking) { return; }
    this.checking = true;
    if (conn.wire.send) {
      conn.timer = window.setTimeout(function () { self.end(conn, {}); }, Link.ANSWER);
      this.send({ op: "ping" }, function () {
        window.clearTimeout(conn.timer);
        self.checking = false;
        self.sleptAt = 0;
      });
      return;
    }
    this.asked = pulsewall.ask(this.address("poll", "wait=0"), function (answer) {
      self.asked = null;
      self.checking = false;
      if (!answer.events) {
        if (!busy(answer)) { self.end(conn, answer); }
        return;
      }
      conn.heardAt = Date.now();
      self.sleptAt = 0;
      self.learn(answer.events);
      if (!self.options.newer(answer.events)) { return; }
      self.takeAnswer(answer);
      self.stuck += 1;
      if (self.stuck > 1) { self.rung = (conn.rung + 1) % self.ladder.length; } // it says hello and holds the rest back
      self.open();
    }, Link.ANSWER);
  };

  // busy: the server has better things to do than to answer, but it lives.
  function busy(answer) {
    return answer.detail !== null && (answer.status === 429 || answer.status === 503);
  }

  // tick runs each second. While a tab is hidden browsers let it run once a minute, which is no sleep.
  Link.prototype.tick = function () {
    var now = Date.now(), gap = now - this.tickedAt;
    this.tickedAt = now;
    if (gap < -1000 || gap > (window.document && window.document.hidden ? Link.THROTTLED : Link.SLEPT)) {
      this.sleptAt = now;
      this.clock.forget();
      this.wake();
    } else if (this.state === "live" && !this.checking &&
        now - this.conn.heardAt > Math.max(2500 * this.heartbeat, this.ladder[this.rung].silence || 0)) {
      this.end(this.conn, {});
    }
  };

  // appear is told when the tab is seen again. That the browser held back ticks until now was no sleep.
  Link.prototype.appear = function () {
    if (Date.now() - this.tickedAt < Link.THROTTLED) { this.tickedAt = Date.now(); }
    this.wake();
  };

  // wake makes sure at once: after a sleep, and when the browser says that the network came or went. Who was told when to
  // come back still waits.
  Link.prototype.wake = function () {
    if (this.state === "waiting") {
      if (!this.bye && !this.refusal) { this.open(); }
    } else {
      this.check();
    }
  };
}(window.pulsewall = window.pulsewall || {}));
