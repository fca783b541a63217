// Keeps, for each reading that a page shows, when it was painted. It runs before the page's own scripts.
(function () {
  "use strict";
  var Native = window.WebSocket, coming = {};
  window.glass = [];
  function hear(message) {
    var event = JSON.parse(message.data);
    if (event.event === "reading" && !event.data.same && event.data.status === "ok") {
      coming[event.data.sub] = { sub: event.data.sub, at: Date.parse(event.data.at), came: Date.now() };
    }
  }
  window.WebSocket = function (url, protocols) {
    var socket = protocols ? new Native(url, protocols) : new Native(url);
    socket.addEventListener("message", hear);
    return socket;
  };
  ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach(function (name) { window.WebSocket[name] = Native[name]; });
  window.WebSocket.prototype = Native.prototype;
  function paint(reading) {
    window.requestAnimationFrame(function () {
      window.setTimeout(function () { reading.painted = Date.now(); window.glass.push(reading); }); // after the frame
    });
  }
  new MutationObserver(function (changes) {
    changes.forEach(function (change) {
      var node = change.target.nodeType === 1 ? change.target : change.target.parentNode;
      var section = node && node.closest ? node.closest("section[data-sub]") : null;
      var reading = section && node.closest("[data-slot=body]") ? coming[section.getAttribute("data-sub")] : null;
      if (reading) {
        delete coming[reading.sub];
        paint(reading);
      }
    });
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}());
