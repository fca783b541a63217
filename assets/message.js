// message.js says what a message says, and by whom. Whatever comes over the wire is text here, never markup.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var MOST = 1000;      // characters of a text that is shown whole
  var MOST_LINES = 15;
  var HEAD = 300;       // characters of the head that stands for a longer one
  var HEAD_LINES = 4;
  var message = {};

  // text is the data in words: a string, the text of an object that has one, else JSON.
  message.text = function (data) {
    if (typeof data === "string") { return data; }
    if (data && typeof data === "object" && typeof data.text === "string") { return data.text; }
    return String(JSON.stringify(data));
  };

  // sender is what to call who sent it; empty where nobody said.
  message.sender = function (words, from) {
    if (!from || typeof from !== "object") { return ""; }
    return from.name ? String(from.name) : from.unionId ? words.say("userId", { id: from.unionId }) : "";
  };

  function head(text) {
    var cut = text.split("\n").slice(0, HEAD_LINES).join("\n").slice(0, HEAD);
    if (cut.length < text.length && /[\ud800-\udbff]$/.test(cut)) { cut = cut.slice(0, -1); }
    return cut + (cut.length < text.length ? "…" : "");
  }

  function written(tag, text) {
    var element = dom.make(tag, "text", text);
    element.setAttribute("dir", "auto");
    return element;
  }

  // body is a text as it was written, folded when it is long.
  message.body = function (words, text) {
    var fold, summary;
    if (text.length <= MOST && text.split("\n").length <= MOST_LINES) { return written("p", text); }
    fold = dom.make("details", "fold");
    summary = fold.appendChild(dom.make("summary"));
    summary.appendChild(written("span", head(text)));
    summary.appendChild(document.createTextNode(" "));
    summary.appendChild(dom.make("span", "more", words.say("showAll", { n: words.count(text.length) })));
    summary.appendChild(dom.make("span", "less", words.say("showLess")));
    fold.appendChild(written("p", text));
    return fold;
  };

  // time is when it was sent.
  message.time = function (words, at) {
    var time = dom.make("time", "", words.time(Date.parse(at)));
    time.setAttribute("datetime", String(at));
    return time;
  };

  pulsewall.message = message;
}(window.pulsewall = window.pulsewall || {}));
