// chatlog.js is the log of a room. It follows what comes while its end is in sight, and else says how much is new.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var MOST = 500;  // lines, while nobody reads the old ones
  var MOST_READ = 2000; // likewise, while somebody does
  var MOST_NOTES = 3;   // in a row of who came and went: what was said stays
  var NEAR = 48;   // px from the end that count as being there

  // Log fills the element of that slot. own(message) says whether it is the reader's.
  function Log(root, words, own) {
    var self = this;
    this.box = dom.slot(root, "log");
    this.lines = dom.slot(root, "lines");
    this.button = dom.slot(root, "newer");
    this.words = words;
    this.own = own;
    this.newer = 0;
    this.atEnd = true;
    this.box.addEventListener("scroll", function () { self.scrolled(); }, false);
    window.addEventListener("resize", function () { self.settle(); }, false);
    this.box.addEventListener("toggle", function () { self.scrolled(); }, true);
    this.toEnd();
  }

  Log.prototype.scrolled = function () {
    this.top = this.box.scrollTop;
    this.atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
    if (this.atEnd) {
      this.newer = 0;
      this.tell();
    }
  };

  Log.prototype.toEnd = function () {
    this.atEnd = true;
    this.newer = 0;
    this.settle();
    this.tell();
  };

  // moved hears of a scroll that the browser has yet to tell.
  Log.prototype.moved = function () {
    if (this.box.scrollTop !== this.top) { this.scrolled(); }
  };

  // settle keeps the end in sight where it was.
  Log.prototype.settle = function () {
    if (this.atEnd) { this.box.scrollTop = this.box.scrollHeight; }
    this.top = this.box.scrollTop;
  };

  Log.prototype.tell = function () {
    if (this.newer) { dom.setText(this.button, this.words.say("newer", { n: this.words.count(this.newer) }) + " ↓"); }
    this.button.hidden = !this.newer;
  };

  Log.prototype.has = function (id) {
    return dom.all(this.lines, "[data-id]").some(function (line) { return line.getAttribute("data-id") === id; });
  };

  // put places a line: before those that wait for their answer, unless it is one of them.
  Log.prototype.put = function (line, waits) {
    var none = dom.slot(this.box, "none");
    this.moved();
    if (none) { none.parentNode.removeChild(none); }
    this.lines.insertBefore(line, waits ? null : this.lines.querySelector(".waits"));
    while (this.lines.childNodes.length > (this.atEnd ? MOST : MOST_READ)) { this.lines.removeChild(this.lines.firstChild); }
    this.settle();
  };

  Log.prototype.drop = function (line) {
    this.moved();
    if (line.parentNode) { line.parentNode.removeChild(line); }
    this.settle();
  };

  // add shows a message, once.
  Log.prototype.add = function (message) {
    var own = this.own(message), line;
    if (this.has(String(message.id))) { return null; }
    line = this.line(message, own);
    line.setAttribute("data-id", String(message.id));
    this.put(line, false);
    if (!this.atEnd && !own) { this.newer += 1; }
    this.tell();
    return line;
  };

  // again gives the line of a message, if there is one from before the log began anew, the id that the message has now.
  Log.prototype.again = function (message) {
    var id = String(message.id), said = content(this.line(message, false));
    dom.all(this.lines, "[data-id]").some(function (line) {
      var old = line.getAttribute("data-id");
      if (epoch(old) === epoch(id) || content(line) !== said) { return false; }
      line.setAttribute("data-id", id);
      return true;
    });
  };

  function epoch(id) { return id.split("-")[0]; }

  // content is by what a message can be told from others without its id: who sent it, when, and what it says.
  function content(line) {
    return [line.querySelector(".by b").textContent, line.querySelector("time").getAttribute("datetime"),
      dom.all(line, ".text").pop().textContent].join("\n");
  }

  // line makes what views/chat.templ makes.
  Log.prototype.line = function (message, own) {
    var words = this.words, line = dom.make("li", own ? "message own" : "message"), by = line.appendChild(dom.make("p", "by"));
    var from = message.from || {}, name = dom.make("b");
    function more(element) {
      by.appendChild(document.createTextNode(" "));
      by.appendChild(element);
    }
    name.appendChild(from.name ? dom.make("bdi", "", String(from.name)) :
      document.createTextNode(pulsewall.message.sender(words, from) || words.say("somebody")));
    by.appendChild(name);
    if (from.name && from.unionId) { more(dom.make("span", "dim", words.say("userId", { id: from.unionId }))); }
    more(pulsewall.message.time(words, message.at));
    if (message.to && Array.isArray(message.to.users) && message.to.users.length) { more(dom.make("span", "tag", words.say("onlySome"))); }
    line.appendChild(pulsewall.message.body(words, pulsewall.message.text(message.data)));
    return line;
  };

  // note says something that is no message.
  Log.prototype.note = function (text, kind) {
    var last = dom.all(this.lines, "li:not(.waits)").slice(-MOST_NOTES);
    if (last.length === MOST_NOTES && last.every(function (line) { return line.className === "note "; })) { this.drop(last[0]); }
    this.put(dom.make("li", "note " + (kind || ""), text), false);
  };

  pulsewall.ChatLog = Log;
}(window.pulsewall = window.pulsewall || {}));
