// attend.js tells a link what the browser knows: that the network came or went, that the page was put aside or is seen again.
(function (pulsewall) {
  "use strict";

  // attend has the link told until the function that it returns is called.
  pulsewall.attend = function (link) {
    var page = window.document, heard = [];
    function on(target, name, act) {
      if (!target || !target.addEventListener) { return; }
      target.addEventListener(name, act, false);
      heard.push(function () { target.removeEventListener(name, act, false); });
    }
    on(page, "visibilitychange", function () {
      if (!page.hidden) { link.appear(); }
    });
    on(window, "online", function () { link.wake(); });
    on(window, "offline", function () { link.wake(); });
    on(window, "pagehide", function () { link.stop(); });
    on(window, "pageshow", function (event) {
      if (event.persisted) { link.resume(); }
    });
    return function () { heard.forEach(function (forget) { forget(); }); };
  };
}(window.pulsewall = window.pulsewall || {}));
