// clock.js tells the time of the server, on which all ages are counted.
(function (pulsewall) {
  "use strict";

  var MEMORY = 600000; // ms that the best sample counts: clocks drift apart

  // Clock starts from the time that the page was rendered, if it is given (ms). Whether the page has just come decides if
  // that proves anything.
  function Clock(time, fetched) {
    this.ahead = 0; // ms that this machine's clock is ahead of the server's, as well as is known
    this.learnedAt = null;
    this.learn(time);
    this.proved = Boolean(fetched);
  }

  // learn takes a time that the server has just sent. On its way it grew old, so the smallest difference is the truest.
  Clock.prototype.learn = function (time) {
    var now = Date.now(), ahead = now - time;
    if (isNaN(ahead)) { return; }
    this.proved = true;
    if (this.learnedAt === null || ahead <= this.ahead || now - this.learnedAt > MEMORY) {
      this.ahead = ahead;
      this.learnedAt = now;
    }
  };

  // forget lets the next sample count whatever it says: after a sleep the clock of this machine may have been set.
  Clock.prototype.forget = function () { this.learnedAt = null; };

  Clock.prototype.now = function () { return Date.now() - this.ahead; };

  // fetched says whether the page came from the server just now. One that the browser kept is of a time that nobody knows:
  // it weighs more than what came over the wire for it, a header or nothing.
  Clock.fetched = function () {
    var load = window.performance && window.performance.getEntriesByType && window.performance.getEntriesByType("navigation")[0];
    return Boolean(load) && load.transferSize > load.encodedBodySize;
  };

  pulsewall.Clock = Clock;
}(window.pulsewall = window.pulsewall || {}));
