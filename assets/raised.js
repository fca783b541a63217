// raised.js keeps true how many alerts are raised, beside their link in the navigation.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var ROOM = "alerts";
  var SPREAD = 2000; // ms within which browsers ask after a change, so that not all ask at once

  // Raised follows the messages of alerts. A page that lists them is loaded again when they change.
  function Raised(page, main) {
    this.page = page;
    this.slot = dom.slot(document, "raised");
    this.lists = main.hasAttribute("data-alerts");
    this.timer = null;
    this.waits = false; // for the tab to be seen
  }

  // take says whether the event was about alerts alone.
  Raised.prototype.take = function (event) {
    var self = this, alert = event.event === "message" && event.data.room === ROOM;
    if (!this.slot || !alert && event.event !== "reset") { return false; }
    if (!this.timer) {
      this.timer = window.setTimeout(function () {
        self.timer = null;
        self.waits = true;
        self.release();
      }, Math.random() * SPREAD);
    }
    return alert;
  };

  // release asks for what has changed meanwhile, once somebody looks.
  Raised.prototype.release = function () {
    if (!this.waits || this.page.hidden()) { return; }
    this.waits = false;
    if (this.lists) {
      window.location.reload();
    } else {
      this.ask();
    }
  };

  Raised.prototype.ask = function () {
    var self = this, unionId = this.page.place.unionId, request = new XMLHttpRequest();
    request.open("GET", "/api/alerts" + (unionId ? "?unionId=" + encodeURIComponent(unionId) : ""), true);
    request.setRequestHeader("Accept", "application/json");
    request.onload = function () {
      var list = null;
      try { list = request.status === 200 && JSON.parse(request.responseText).alerts; } catch (none) { list = null; }
      if (Array.isArray(list)) { dom.setText(self.slot, list.length ? String(list.length) : ""); }
    };
    request.send();
  };

  pulsewall.Raised = Raised;
}(window.pulsewall = window.pulsewall || {}));
