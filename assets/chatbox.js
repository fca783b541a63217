// chatbox.js is where people write: what is sent stays in sight until it has its place in the log, or says why it has none.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var ANSWER = 10000;  // ms that the server has to answer
  var NEAR = 0.8;      // of the size allowed, from which the size is told
  var FINAL = [400, 401, 403, 404, 413]; // refusals of the message as it is

  // Box sends what is typed into a form to the room of a chat.
  function Box(form, chat) {
    var self = this;
    this.chat = chat;
    this.words = chat.page.words;
    this.form = form;
    this.input = form.querySelector("[name=data]");
    this.name = form.querySelector("[name=name]");
    this.most = Number(form.getAttribute("data-most"));
    this.letters = []; // those that are not in the log yet
    this.recall();
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      self.submit();
    }, false);
    this.input.addEventListener("keydown", function (event) {
      if (event.keyCode !== 13 || event.shiftKey || event.isComposing) { return; } // 229 while characters are composed
      event.preventDefault();
      self.submit();
    }, false);
    this.input.addEventListener("input", function () { self.size(); }, false);
    this.name.addEventListener("change", function () { self.rename(); }, false);
  }

  // bytes of a text as UTF-8.
  function bytes(text) { return text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "four").replace(/[\u0800-\uffff]/g, "abc").replace(/[\u0080-\u07ff]/g, "ab").length; }

  function key() {
    function random() { return Math.random().toString(36).slice(2, 14); }
    return random() + random();
  }

  function remembered() {
    try { return window.localStorage.getItem("pulsewall.name") || ""; } catch (refused) { return ""; }
  }

  function remember(name) {
    try { window.localStorage.setItem("pulsewall.name", name); } catch (refused) { return; } // for this page only
  }

  Box.prototype.recall = function () {
    if (!this.name.value && !this.name.readOnly) { this.name.value = remembered().slice(0, 64); }
    this.called = this.name.value;
  };

  Box.prototype.rename = function () {
    if (this.name.value === this.called) { return; }
    this.called = this.name.value;
    remember(this.called);
    this.chat.renamed();
  };

  Box.prototype.problem = function (text) { dom.setText(dom.slot(this.form, "problem"), text); };

  // measure is how large the text is as data of a message.
  function measure(text) { return bytes(JSON.stringify(text)); }

  Box.prototype.size = function () {
    var size = measure(this.input.value), slot = dom.slot(this.form, "size"), said = size > NEAR * this.most;
    slot.hidden = !said;
    if (said) { dom.setText(slot, this.words.say("sizeOf", this.sizes(size))); }
    dom.toggleClass(slot, "over", size > this.most);
    if (size <= this.most) { this.problem(""); }
    this.chat.log.settle(); // the box grows with what is typed
  };

  Box.prototype.sizes = function (size) { return { size: this.words.count(size), most: this.words.count(this.most) }; };

  Box.prototype.submit = function () {
    var text = this.input.value, size = measure(text);
    this.rename();
    if (!/\S/.test(text)) { return; }
    if (size > this.most) {
      this.problem(this.words.say("tooLong", this.sizes(size)));
      return;
    }
    this.input.value = "";
    this.size();
    this.send({ key: key(), text: text, at: new Date().toISOString(), line: null, conn: null, stop: null, place: null });
    this.chat.log.toEnd();
    this.input.focus();
  };

  // send sends a letter, for the first time or again: the server knows it by its key.
  Box.prototype.send = function (letter) {
    var self = this, chat = this.chat, link = chat.page.link, timer, post;
    function answer(problem, receipt) {
      if (!letter.stop) { return; }
      letter.stop = letter.conn = null;
      window.clearTimeout(timer);
      if (receipt) { self.sent(letter, receipt); } else { self.failed(letter, problem); }
    }
    letter.stop = function (why) {
      if (post) { post.close(); }
      answer({ status: 0, detail: why }, null);
    };
    this.show(letter, this.words.say("sending"), "");
    timer = window.setTimeout(function () {
      if (letter.stop) { letter.stop(self.words.say("noAnswer")); }
    }, ANSWER);
    if (link.send({ op: "send", to: { room: chat.room }, data: letter.text, key: letter.key }, function (reply) {
      answer(reply.problem, reply.result);
    })) {
      letter.conn = link.conn;
    } else {
      post = pulsewall.post("/api/messages", { to: { room: chat.room }, data: letter.text, key: letter.key,
        unionId: chat.page.place.unionId || undefined, name: this.called, session: link.session || undefined }, answer);
    }
  };

  // changed gives up answers that were to come over a wire that is gone.
  Box.prototype.changed = function (link) {
    var why = this.words.say("lostMeantime");
    this.letters.forEach(function (letter) {
      if (letter.conn && letter.conn !== link.conn) { letter.stop(why); }
    });
  };

  // show has the letter wait at the end of the log, with how it stands: "" or "failed".
  Box.prototype.show = function (letter, status, how) {
    var log = this.chat.log, me = { name: this.called, unionId: this.chat.page.place.unionId }, said;
    if (letter.line) { log.drop(letter.line); } else { this.letters.push(letter); }
    letter.line = log.line({ from: me, at: letter.at, data: letter.text }, true);
    letter.line.className += " waits " + how;
    said = letter.line.appendChild(dom.make("p", "status", status));
    if (how === "failed") {
      said.appendChild(this.button("resend", this.words.say("retry"), letter));
      said.appendChild(this.button("discard", this.words.say("discard"), letter));
    }
    log.put(letter.line, true);
  };

  Box.prototype.button = function (action, text, letter) {
    var button = dom.make("button", "button", text);
    button.type = "button";
    button.setAttribute("data-action", action);
    button.setAttribute("data-key", letter.key);
    return button;
  };

  Box.prototype.find = function (key) {
    return this.letters.filter(function (letter) { return letter.key === key; })[0];
  };

  Box.prototype.resend = function (key) {
    this.send(this.find(key));
    this.input.focus();
  };

  Box.prototype.discard = function (key) {
    this.drop(this.find(key));
    this.input.focus();
  };

  Box.prototype.drop = function (letter) {
    this.letters = this.letters.filter(function (other) { return other !== letter; });
    this.chat.log.drop(letter.line);
  };

  // arrived hears that a letter is in the log, and on which line. The answer may not have come yet.
  Box.prototype.arrived = function (letter, line) {
    letter.place = line;
    this.drop(letter);
    this.mark(letter);
  };

  // mark says of a message that others do not get it: the node was alone.
  Box.prototype.mark = function (letter) {
    if (!letter.alone || !letter.place) { return; }
    letter.place.querySelector(".by").appendChild(dom.make("span", "tag", this.words.say("onlyNode")));
    letter.alone = false;
  };

  // sent hears that the server has it. The log gets it in its order, which may have been before.
  Box.prototype.sent = function (letter, receipt) {
    letter.alone = receipt.degraded === true;
    this.mark(letter);
    if (!letter.place) { letter.line.removeChild(letter.line.querySelector(".status")); }
  };

  // failed says why, and offers to try again. A message that is refused as it is goes back to where it can be changed.
  Box.prototype.failed = function (letter, problem) {
    var reason = this.words.say("notSent", { reason: String(problem.detail || problem.title || this.words.say("noAnswer")) });
    if (letter.place) { return; }
    if (FINAL.indexOf(problem.status) < 0) {
      this.show(letter, reason, "failed");
      return;
    }
    this.drop(letter);
    this.input.value = letter.text + (this.input.value ? "\n" + this.input.value : "");
    this.size();
    this.problem(reason);
  };

  pulsewall.ChatBox = Box;
}(window.pulsewall = window.pulsewall || {}));
