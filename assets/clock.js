// clock.js tells the time of the server, on which all ages are counted.
(function (pulsewall) {
  "use strict";

  var MEMORY = 600000; // ms that the best sample counts: clocks drift apart

  // Clock starts from the time that the page was rendered, if it is given (ms).
  function Clock(time) {
    this.ahead = 0; // ms that this machine's clock is ahead of the server's, as well as is known
    this.learnedAt = null;
    this.learn(time);
  }

  // learn takes a time that the server has just sent. On its way it grew old, so the smallest difference is the truest.
  Clock.prototype.learn = function (time) {
    var now = Date.now(), ahead = now - time;
    if (isNaN(ahead)) { return; }
    if (this.learnedAt === null || ahead <= this.ahead || now - this.learnedAt > MEMORY) {
      this.ahead = ahead;
      this.learnedAt = now;
    }
  };

  // forget lets the next sample count whatever it says: after a sleep the clock of this machine may have been set.
  Clock.prototype.forget = function () { this.learnedAt = null; };

  Clock.prototype.now = function () { return Date.now() - this.ahead; };

  pulsewall.Clock = Clock;
}(window.pulsewall = window.pulsewall || {}));
