// notices.js is the strip above the page: what everybody here should know, in words.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var MOST_MESSAGES = 5;
  var LONGEST = 500; // characters of a message

  // Notices fills the strip. Whatever comes over the wire is text here, never markup.
  function Notices(strip, words) {
    this.strip = strip;
    this.words = words;
  }

  Notices.prototype.find = function (name) {
    return dom.all(this.strip, "[data-notice]").filter(function (notice) {
      return notice.getAttribute("data-notice") === name;
    });
  };

  Notices.prototype.remove = function (name) {
    this.find(name).forEach(function (notice) { notice.parentNode.removeChild(notice); });
  };

  // put shows a notice, or changes what the one of that name says. kind is "info", "warn" or "crit"; act, if given, is
  // {text, action} of its button: data-action as the page knows it.
  Notices.prototype.put = function (name, kind, title, text, act) {
    var notice = this.find(name)[0], line, button;
    if (notice && notice.textContent.indexOf(text) >= 0 && dom.hasClass(notice, kind)) { return; }
    this.remove(name);
    notice = dom.make("div", "notice " + kind);
    notice.setAttribute("data-notice", name);
    line = dom.make("p");
    if (title) {
      line.appendChild(dom.make("b", "", title));
      line.appendChild(document.createTextNode(" "));
    }
    line.appendChild(document.createTextNode(text));
    notice.appendChild(line);
    if (act) {
      button = dom.make("button", "button", act.text);
      button.type = "button";
      button.setAttribute("data-action", act.action);
      notice.appendChild(button);
    }
    this.strip.appendChild(notice);
  };

  Notices.prototype.dismissal = function () { return { text: this.words.say("dismiss"), action: "dismiss" }; };

  // message shows what somebody sent; the oldest goes when there are too many.
  Notices.prototype.message = function (message) {
    var from = message.from && (message.from.name || message.from.unionId), data = message.data, shown, text;
    text = typeof data === "string" ? data : data && typeof data.text === "string" ? data.text : JSON.stringify(data);
    text = String(text);
    if (text.length > LONGEST) { text = text.slice(0, LONGEST) + "…"; }
    from = from ? this.words.say("from", { name: this.words.isolate(String(from)) }) : "";
    this.put("message " + message.id, "info", from, this.words.isolate(text), this.dismissal());
    shown = dom.all(this.strip, "[data-notice^=message]");
    if (shown.length > MOST_MESSAGES) { this.strip.removeChild(shown[0]); }
  };

  pulsewall.Notices = Notices;
}(window.pulsewall = window.pulsewall || {}));
