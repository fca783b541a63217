// chat.js makes the page of a room live: who says what, and who is here.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var MOST_KEPT = 100;     // messages read again after a reset
  var MOST_ASKED = 50;     // answers that this may take
  var MOST_PEOPLE = 50;    // named on the page
  var CALM = 1000;         // ms within which a list of who is here is asked for after a change, so that not all ask at once
  var CROWD = 20000;       // the same in a room of more people than are named
  var ANSWER = 10000;      // ms that the server has to answer

  // Chat follows the room of an element on a page.
  function Chat(root, page) {
    var self = this;
    this.root = root;
    this.page = page;
    this.room = root.getAttribute("data-chat");
    this.held = null;     // messages that come while the log is read again
    this.names = null;    // of the users who are here, by id; null until they were asked for
    this.changes = { joined: [], left: [] };
    this.log = new pulsewall.ChatLog(root, page.words, function (message) { return self.isOwn(message); });
    this.box = new pulsewall.ChatBox(dom.slot(root, "say"), this);
  }

  Chat.prototype.isOwn = function (message) {
    var me = this.page.place.unionId;
    return Boolean(me && message.from && message.from.unionId === me || this.box.find(message.key));
  };

  // query is what the live query says beside who reads and which room.
  Chat.prototype.query = function () {
    return this.box.called ? ["name=" + encodeURIComponent(this.box.called)] : [];
  };

  // renamed opens again, as the server knows people by the name that they came with.
  Chat.prototype.renamed = function () { this.page.link.follow([], [], true); };

  // take says whether the event was the room's.
  Chat.prototype.take = function (event) {
    var data = event.data;
    if (event.event === "message" && data.room === this.room) {
      if (this.held) { this.held.push(data); } else { this.show(data); }
      return true;
    }
    if (event.event === "room" && data.room === this.room) {
      this.count(data);
      return true;
    }
    if (event.event === "reset") {
      this.reload();
      return true;
    }
    return false;
  };

  Chat.prototype.show = function (message) {
    var letter = message.key && this.box.find(message.key), line = this.log.add(message);
    if (letter) { this.box.arrived(letter, line); }
  };

  Chat.prototype.changed = function (link) {
    this.box.changed(link);
    if (link.state === "live" && !this.names) { this.ask(0); }
  };

  // reload reads what is still kept after a reset. What comes in the meantime comes after it.
  Chat.prototype.reload = function () {
    var self = this, kept = [], asked = 0;
    if (this.held) { return; }
    this.held = [];
    this.log.note(this.page.words.say("mayMiss"), "warn");
    function done() {
      var held = self.held;
      self.held = null;
      kept.forEach(function (message) { self.log.again(message); });
      kept.concat(held).forEach(function (message) { self.show(message); });
    }
    function next(after) {
      get(self.address("/api/messages", "limit=1000&after=" + encodeURIComponent(after)), function (answer) {
        var list = answer && Array.isArray(answer.messages) ? answer.messages : [];
        asked += 1;
        kept = kept.concat(list.filter(function (message) { return message.room === self.room; })).slice(-MOST_KEPT);
        if (list.length && asked < MOST_ASKED) { next(answer.nextCursor); } else { done(); }
      });
    }
    next("");
  };

  Chat.prototype.address = function (path, more) {
    var me = this.page.place.unionId;
    return path + "?room=" + encodeURIComponent(this.room) + (me ? "&unionId=" + encodeURIComponent(me) : "") + "&" + more;
  };

  function get(address, done) {
    var request = new XMLHttpRequest();
    request.open("GET", address, true);
    request.timeout = ANSWER;
    request.onreadystatechange = function () {
      var body = null;
      if (request.readyState !== 4) { return; }
      try { body = JSON.parse(request.responseText); } catch (malformed) { body = null; }
      done(request.status === 200 ? body : null);
    };
    request.send(null);
  }

  // count says how many are here, and who came and went once their names are known.
  Chat.prototype.count = function (data) {
    var words = this.page.words, n = Number(data.connections) || 0, changes = this.changes;
    var text = n > 1 ? words.say("hereMany", { n: words.count(n) }) : words.say(n ? "hereOne" : "hereNobody");
    dom.setText(dom.slot(this.root, "here-count"), text);
    dom.slot(this.root, "unnamed").hidden = !n;
    ["joined", "left"].forEach(function (how) {
      if (Array.isArray(data[how])) { changes[how] = changes[how].concat(data[how].map(String)).slice(-MOST_PEOPLE); }
    });
    this.ask(data.users > MOST_PEOPLE ? CROWD : CALM);
  };

  // ask gets the list of who is here, some time within so many ms.
  Chat.prototype.ask = function (within) {
    var self = this;
    if (this.asking) { return; }
    this.asking = window.setTimeout(function () {
      get(self.address("/api/presence/users", "size=" + MOST_PEOPLE), function (answer) {
        self.asking = null;
        if (answer && Array.isArray(answer.records)) { self.list(answer.records, Number(answer.total) || 0); }
      });
    }, Math.random() * within);
  };

  Chat.prototype.list = function (people, total) {
    var words = this.page.words, me = this.page.place.unionId, slot = dom.slot(this.root, "here"), fresh = dom.make("ul");
    var before = this.names || {}, names = {}, more = total - people.length;
    people.forEach(function (person) {
      var id = String(person.unionId), name = String(person.name || ""), item = fresh.appendChild(dom.make("li")), b = dom.make("b");
      var user = words.say("userId", { id: id });
      names[id] = name || user;
      b.appendChild(name ? dom.make("bdi", "", name) : document.createTextNode(user));
      item.appendChild(b);
      if (name) {
        item.appendChild(document.createTextNode(" "));
        item.appendChild(dom.make("span", "dim", user));
      }
      if (id === me) {
        item.appendChild(document.createTextNode(" "));
        item.appendChild(dom.make("span", "tag", words.say("you")));
      }
    });
    if (more > 0) { fresh.appendChild(dom.make("li", "dim", words.say("hereMore", { n: words.count(more) }))); }
    dom.patch(slot, fresh);
    this.names = names;
    this.tellChanges(before, names);
  };

  Chat.prototype.tellChanges = function (before, now) {
    var words = this.page.words, me = this.page.place.unionId, changes = this.changes, said = [];
    this.changes = { joined: [], left: [] };
    ["joined", "left"].forEach(function (how) {
      var ids = changes[how].filter(function (id) { return id !== me && changes[how === "joined" ? "left" : "joined"].indexOf(id) < 0; });
      var list = ids.map(function (id) { return "\u2068" + (now[id] || before[id] || words.say("userId", { id: id })) + "\u2069"; });
      if (list.length) { said.push(words.say(how, { names: list.join(", ") })); }
    });
    if (said.length) { this.log.note(said.join(" · ")); }
  };

  pulsewall.Chat = Chat;
  pulsewall.start(); // the page waited for this
}(window.pulsewall = window.pulsewall || {}));
