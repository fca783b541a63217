// ops.js is what a Link sends up, where the wire has a way up.
(function (pulsewall) {
  "use strict";

  var Link = pulsewall.Link;

  // send sends an op; done gets its reply. It returns false where the wire has no way up.
  Link.prototype.send = function (op, done) {
    if (this.state !== "live" || !this.conn.wire || !this.conn.wire.send) { return false; }
    this.ref += 1;
    op.ref = String(this.ref);
    this.replies[op.ref] = done;
    try { this.conn.wire.send(JSON.stringify(op)); } catch (closing) { return false; }
    return true;
  };

  Link.prototype.answered = function (reply) {
    var done = this.replies[reply.ref];
    delete this.replies[reply.ref];
    if (reply.result && typeof reply.result.time === "string") { this.clock.learn(Date.parse(reply.result.time)); }
    if (typeof done === "function") { done(reply); }
  };

  // follow changes what is asked for, from subscriptions to others: in band where that is possible, else by opening again
  // from where the link stands. anew: who asks has changed, which takes a new connection on every transport.
  Link.prototype.follow = function (from, to, anew) {
    var self = this;
    var gone = from.filter(function (sub) { return to.indexOf(sub) < 0; });
    var come = to.filter(function (sub) { return from.indexOf(sub) < 0; });
    if (this.state === "stopped" || this.state === "waiting" || !anew && !come.length) { return; }
    if (anew || this.state !== "live" || !this.conn.wire.send) {
      if (this.state === "refused") { this.reset(); }
      this.open();
      return;
    }
    this.drop(this.trial); // it asked for what was
    this.trial = null;
    this.climbLater();
    gone.forEach(function (sub) { self.send({ op: "unsubscribe", sub: sub }); });
    come.forEach(function (sub) {
      self.send({ op: "subscribe", sub: sub }, function (reply) { self.options.subscribed(sub, reply); });
    });
  };
}(window.pulsewall = window.pulsewall || {}));
