// tally.js says in the head of a panel how many of its records are in which state.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;

  // tally brings the head up to date with a fragment, which has counted. A panel that nothing judges has no slot for it.
  pulsewall.tally = function (slot, fragment) {
    if (!slot) { return; }
    dom.setAttribute(slot, "class", "tally mark " + (fragment.getAttribute("data-worst") || ""));
    dom.setText(slot, fragment.getAttribute("data-tally") || "");
  };
}(window.pulsewall = window.pulsewall || {}));
