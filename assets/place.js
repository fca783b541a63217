// place.js knows which user and which pages of records the page shows, and the address that says so.
(function (pulsewall) {
  "use strict";

  function Place(main) {
    this.unionId = main.getAttribute("data-union-id") || "";
    this.rest = split(main.getAttribute("data-query") || "").filter(function (part) { return nameOf(part) !== "unionId"; });
  }

  function split(query) { return query.replace(/^\?/, "").split("&").filter(Boolean); }

  function nameOf(part) { return part.split("=")[0]; }

  // query is the part of the live query that is not about subscriptions.
  Place.prototype.query = function () {
    return this.unionId ? this.rest.concat("unionId=" + encodeURIComponent(this.unionId)) : this.rest.slice();
  };

  // state is where the page is: what the history keeps.
  Place.prototype.state = function (panels) {
    var currents = {};
    panels.forEach(function (panel) { currents[panel.name] = panel.current; });
    return { unionId: this.unionId, currents: currents };
  };

  // turned is where the page would be with a panel on another page of its records.
  Place.prototype.turned = function (panels, panel, current) {
    var state = this.state(panels);
    state.currents[panel.name] = current;
    return state;
  };

  // address of a place. All else that the address of now says stays; the short form for the first table does not, since
  // each panel is named.
  function address(state) {
    var parts = split(window.location.search).filter(function (part) {
      return !/^(p\..*|current|unionId)$/.test(decode(nameOf(part)));
    });
    if (state.unionId) { parts.push("unionId=" + encodeURIComponent(state.unionId)); }
    Object.keys(state.currents).forEach(function (name) {
      if (state.currents[name] > 1) { parts.push("p." + encodeURIComponent(name) + "=" + state.currents[name]); }
    });
    return window.location.pathname + (parts.length ? "?" + parts.join("&") : "");
  }

  function decode(text) {
    try { return decodeURIComponent(text); } catch (malformed) { return text; }
  }

  Place.prototype.href = function (panels, panel, current) { return address(this.turned(panels, panel, current)); };

  Place.prototype.push = function (state) {
    if (window.history.pushState) { window.history.pushState(state, "", address(state)); }
  };

  // keep lets the way back lead to where the page is now.
  Place.prototype.keep = function (panels) {
    if (window.history.replaceState) { window.history.replaceState(this.state(panels), ""); }
  };

  pulsewall.Place = Place;
}(window.pulsewall = window.pulsewall || {}));
