// header.js says how the page is fed and who is here.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;
  var QUIET = 1000;   // ms that changing over may take before the badge says so
  var WORRY = 5000;   // ms of a lost connection before the strip says so too

  function Header(page) {
    this.page = page;
    this.badge = dom.slot(document, "connection");
    this.people = dom.slot(document, "people");
    reveal(document.querySelector("nav"));
  }

  // reveal has the name of this page in sight, where there is no room for all.
  function reveal(nav) {
    var here = nav && nav.querySelector("[aria-current]");
    if (here) { nav.scrollLeft = here.offsetLeft + here.offsetWidth - nav.clientWidth - nav.offsetLeft; }
  }

  // tell brings badge and strip up to date with the link.
  Header.prototype.tell = function () {
    var said = this.said(this.page.link);
    if (said) { this.show(said); }
    this.notice(this.page.link);
  };

  Header.prototype.said = function (link) {
    var words = this.page.words, wait = words.age(link.retryAt - Date.now() + 999);
    if (link.state === "live") {
      if (this.page.paused) { return { state: "paused", text: words.say("paused"), by: words.say(link.transport) }; }
      return { state: this.page.alone ? "alone" : "live", text: words.say(this.page.alone ? "alone" : "live"),
        by: words.say(link.transport) };
    }
    if (link.state === "refused") { return { state: "lost", text: words.say("refused"), by: "" }; }
    if (link.state === "waiting" && link.bye) { return { state: "connecting", text: words.say("restarting", { age: wait }), by: "" }; }
    if (link.state === "waiting") { return { state: "lost", text: words.say("lost"), by: words.say("reconnecting", { age: wait }) }; }
    if (link.lostAt && link.met) { return { state: "lost", text: words.say("lost"), by: words.say("reconnect") }; }
    if (Date.now() - link.openedAt < QUIET && link.met) { return null; }
    return { state: "connecting", text: words.say("connecting"), by: "" };
  };

  Header.prototype.show = function (said) {
    if (!this.badge) { return; }
    dom.setAttribute(this.badge, "data-state", said.state);
    dom.setText(dom.slot(this.badge, "state"), said.text);
    dom.setText(dom.slot(this.badge, "transport"), said.by);
  };

  Header.prototype.notice = function (link) {
    var words = this.page.words, notices = this.page.notices, refusal = link.refusal;
    var again = { text: words.say("retry"), action: "retry" };
    if (link.state === "live" || link.state === "stopped") {
      notices.remove("connection");
    } else if (refusal) {
      notices.put("connection", "crit", words.say("refused"), refusal.detail || words.say("lostNotice"), refusal.final ? again : null);
    } else if (link.lostAt && Date.now() - link.lostAt > WORRY) {
      notices.put("connection", "warn", words.say("lost"), words.say("lostNotice"), again);
    }
    if (this.page.alone) {
      notices.put("alone", "warn", words.say("alone"), words.say("aloneNotice"));
    } else {
      notices.remove("alone");
    }
  };

  // count says who is online: users, or connections where nobody says who they are. Presence knows the nodes too, a
  // heartbeat does not.
  Header.prototype.count = function (data) {
    var words = this.page.words, values, online;
    if (!(data.users >= 0) || !this.people) { return; }
    if (Array.isArray(data.nodes)) { this.nodes = data.nodes.length; }
    values = { users: words.count(data.users), connections: words.count(data.connections), nodes: this.nodes };
    online = data.users || data.connections;
    dom.setText(this.people, online > 0 ? words.say("online", { users: words.count(online) }) : words.say("onlineNobody"));
    dom.setAttribute(this.people, "title", words.say(this.nodes > 1 ? "onlineNodes" : "onlineTitle", values));
  };

  pulsewall.Header = Header;
}(window.pulsewall = window.pulsewall || {}));
