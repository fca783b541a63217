// outbox.js sends messages over a Link, whatever the rung: on the wire where that has a way up, else by a post beside it.
(function (pulsewall) {
  "use strict";

  var MOST = 1000;        // messages that may wait
  var LARGEST = 8192;     // characters of data as JSON; the server counts bytes, of which there are never fewer
  var PATIENCE = 300000;  // ms until a message is given up
  var ANSWER = 10000;     // ms that one attempt may take
  var AGAIN = 1000;       // ms between attempts, and up to twice as much

  // Outbox sends one message after the other, so that they stay in order, and each until it is answered. A repeat is known
  // by its key. home is the address of the server, who() what a post says of its sender.
  function Outbox(link, home, who) {
    this.link = link;
    this.home = home;
    this.who = who;
    this.waiting = [];
    this.attempt = null; // of the first that waits
    this.timer = null;
  }

  // send gives data, which can be any JSON, to those that to names. done(problem, receipt) hears how it went, once: problem
  // is null or has status, title and detail; status 0 is none of the server's.
  Outbox.prototype.send = function (to, data, done) {
    var text = JSON.stringify(data), told = done || function () { return; };
    if (text && text.length > LARGEST) {
      told(problem(413, "Too large", "data has more than " + LARGEST + " bytes"), null);
    } else if (this.waiting.length >= MOST) {
      told(problem(0, "Not sent", MOST + " messages are waiting already"), null);
    } else {
      this.waiting.push({ to: to, data: data, key: key(), since: Date.now(), done: told });
      this.flush();
    }
  };

  // flush goes on with what waits, and gives up what has for too long. It is called whenever the link has changed, and now and then.
  Outbox.prototype.flush = function () {
    var link = this.link, late = Date.now() - PATIENCE;
    if (this.attempt && this.attempt.conn && this.attempt.conn !== link.conn) { this.give(); } // its reply went with the wire
    if (link.state === "refused") { this.fail(problem(0, "Not sent", link.refusal.detail)); }
    while (!this.attempt && this.waiting.length && this.waiting[0].since < late) {
      this.waiting.shift().done(problem(0, "Not sent", "there was no answer for minutes: it may have arrived or not"), null);
    }
    if (this.waiting.length && link.state === "live" && !this.attempt && !this.timer) { this.go(); }
  };

  Outbox.prototype.go = function () {
    var self = this, letter = this.waiting[0], attempt = {};
    function answer(trouble, receipt) {
      if (self.attempt !== attempt) { return; }
      if (trouble && (trouble.status === 0 || trouble.status === 408 || trouble.status === 429 || trouble.status >= 500)) {
        self.again(trouble.retry);
      } else {
        self.settle(trouble, receipt);
      }
    }
    this.attempt = attempt;
    attempt.timer = window.setTimeout(function () { answer(problem(0), null); }, ANSWER);
    if (this.link.send({ op: "send", to: letter.to, data: letter.data, key: letter.key }, function (reply) {
      answer(reply.problem || null, reply.result || null);
    })) {
      attempt.conn = this.link.conn;
    } else {
      attempt.post = pulsewall.post(this.home + "/api/messages", this.body(letter), answer);
    }
  };

  Outbox.prototype.body = function (letter) {
    var body = this.who();
    body.to = letter.to;
    body.data = letter.data;
    body.key = letter.key;
    body.session = this.link.session;
    return body;
  };

  // give gives up the attempt, not the message.
  Outbox.prototype.give = function () {
    if (!this.attempt) { return; }
    window.clearTimeout(this.attempt.timer);
    if (this.attempt.post) { this.attempt.post.close(); }
    this.attempt = null;
  };

  Outbox.prototype.again = function (retry) {
    var self = this;
    this.give();
    this.timer = window.setTimeout(function () {
      self.timer = null;
      self.flush();
    }, (retry || AGAIN) + Math.random() * AGAIN);
  };

  Outbox.prototype.settle = function (trouble, receipt) {
    var letter = this.waiting.shift();
    this.give();
    letter.done(trouble, receipt);
    this.flush();
  };

  // fail tells all that wait the same.
  Outbox.prototype.fail = function (trouble) {
    var waiting = this.waiting;
    this.give();
    window.clearTimeout(this.timer);
    this.timer = null;
    this.waiting = [];
    waiting.forEach(function (letter) { letter.done(trouble, null); });
  };

  function problem(status, title, detail) { return { status: status, title: title || "", detail: detail || "" }; }

  function key() {
    function random() { return Math.random().toString(36).slice(2, 14); }
    return random() + random();
  }

  pulsewall.Outbox = Outbox;
}(window.pulsewall = window.pulsewall || {}));
