// notices.js is the strip above the page: what everybody here should know, in words.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var MOST_MESSAGES = 3; // in sight; the wall below them matters more
  var MOST_DISMISSED = 100; // ids remembered in this tab, so that a page that is loaded again leaves them out
  var DISMISSED = "pulsewall.dismissed";

  // Notices fills the strip.
  function Notices(strip, words) {
    var self = this;
    this.strip = strip;
    this.words = words;
    this.dismissed = recall();
    this.dismissed.forEach(function (name) {
      if (self.find(name)[0]) { self.remove("earlier"); } // whoever dismissed what is newer has seen that
      self.remove(name);
    });
    this.earlier = Number((this.find("earlier")[0] || strip).getAttribute("data-count")) || 0;
  }

  function recall() {
    var list = null;
    try { list = JSON.parse(window.sessionStorage.getItem(DISMISSED)); } catch (refused) { list = null; }
    return Array.isArray(list) ? list.map(String) : [];
  }

  function remember(list) {
    try { window.sessionStorage.setItem(DISMISSED, JSON.stringify(list)); } catch (refused) { return; } // for this page only
  }

  Notices.prototype.find = function (name) {
    return dom.all(this.strip, "[data-notice]").filter(function (notice) {
      return notice.getAttribute("data-notice") === name;
    });
  };

  Notices.prototype.messages = function () { return dom.all(this.strip, "[data-notice^='message ']"); };

  Notices.prototype.remove = function (name) {
    this.find(name).forEach(function (notice) { notice.parentNode.removeChild(notice); });
  };

  // put shows a notice, or changes what the one of that name says. kind is "info", "warn" or "crit"; act, if given, is
  // {text, action} of its button: data-action as the page knows it.
  Notices.prototype.put = function (name, kind, title, text, act) {
    var notice = this.find(name)[0], line;
    if (notice && notice.textContent.indexOf(text) >= 0 && dom.hasClass(notice, kind)) { return; }
    this.remove(name);
    line = dom.make("p");
    if (title) {
      line.appendChild(dom.make("b", "", title));
      line.appendChild(document.createTextNode(" "));
    }
    line.appendChild(document.createTextNode(text));
    this.strip.appendChild(made(name, kind, line, act));
  };

  function made(name, kind, said, act) {
    var notice = dom.make("div", "notice " + kind), button;
    notice.setAttribute("data-notice", name);
    notice.appendChild(said);
    if (act) {
      button = dom.make("button", "button", act.text);
      button.type = "button";
      button.setAttribute("data-action", act.action);
      notice.appendChild(button);
    }
    return notice;
  }

  Notices.prototype.dismissal = function () { return { text: this.words.say("dismiss"), action: "dismiss" }; };

  // message shows what somebody sent. When there are too many the oldest goes, and is counted.
  Notices.prototype.message = function (data) {
    var name = "message " + data.id, from = pulsewall.message.sender(this.words, data.from), said, by;
    if (this.find(name).length || this.dismissed.indexOf(name) >= 0) { return; } // the page brought it, or had it
    said = dom.make("div", "said");
    by = said.appendChild(dom.make("p", "by"));
    if (from) {
      by.appendChild(dom.make("b", "", this.words.say("from", { name: this.words.isolate(from) })));
      by.appendChild(document.createTextNode(" "));
    }
    by.appendChild(pulsewall.message.time(this.words, data.at));
    said.appendChild(document.createTextNode(" "));
    said.appendChild(pulsewall.message.body(this.words, pulsewall.message.text(data.data)));
    this.strip.appendChild(made(name, "info", said, this.dismissal()));
    if (this.messages().length > MOST_MESSAGES) {
      this.strip.removeChild(this.messages()[0]);
      this.skip(1);
    }
  };

  // skip counts messages that are not shown.
  Notices.prototype.skip = function (n) {
    var first = this.messages()[0], notice;
    this.earlier += n;
    this.put("earlier", "info", "", this.words.say("earlier", { n: this.words.count(this.earlier) }),
      { text: this.words.say("dismissAll"), action: "dismiss-all" });
    notice = this.find("earlier")[0];
    if (first && notice.nextSibling !== first) { this.strip.insertBefore(notice, first); }
  };

  // dismiss takes a notice away for good, and leaves the keyboard at the next.
  Notices.prototype.dismiss = function (notice) {
    var name = notice.getAttribute("data-notice"), held = notice.contains(document.activeElement), next;
    notice.parentNode.removeChild(notice);
    if (name === "earlier") { this.earlier = 0; }
    if (/^message /.test(name)) {
      this.dismissed = this.dismissed.concat(name).slice(-MOST_DISMISSED);
      remember(this.dismissed);
    }
    next = held && this.strip.querySelector("button");
    if (next) { next.focus(); }
  };

  Notices.prototype.dismissAll = function () {
    this.messages().concat(this.find("earlier")).forEach(this.dismiss, this);
  };

  // escape dismisses the notice that has the keyboard, else the newest message. It says whether there was one.
  Notices.prototype.escape = function () {
    var held = dom.closest(document.activeElement, "data-notice"), list = this.messages(), notice;
    notice = held && held.querySelector("[data-action=dismiss]") ? held : list[list.length - 1];
    if (notice) { this.dismiss(notice); }
    return Boolean(notice);
  };

  pulsewall.Notices = Notices;
}(window.pulsewall = window.pulsewall || {}));
