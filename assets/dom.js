// dom.js has the few things about elements that browsers down to IE9 do not agree on, and the patching of fragments.
(function (pulsewall) {
  "use strict";

  var dom = {};

  dom.all = function (root, selector) { return Array.prototype.slice.call(root.querySelectorAll(selector)); };

  dom.slot = function (root, name) { return root.querySelector("[data-slot=" + name + "]"); };

  dom.hasClass = function (element, name) { return (" " + element.className + " ").indexOf(" " + name + " ") >= 0; };

  dom.toggleClass = function (element, name, on) {
    if (dom.hasClass(element, name) === on) { return; }
    element.className = on ? element.className + " " + name :
      (" " + element.className + " ").replace(" " + name + " ", " ").replace(/^\s+|\s+$/g, "");
  };

  // setText writes only what changed, so that a selection in the page survives.
  dom.setText = function (element, text) {
    if (element && element.textContent !== text) { element.textContent = text; }
  };

  dom.setAttribute = function (element, name, value) {
    if (element.getAttribute(name) !== value) { element.setAttribute(name, value); }
  };

  dom.make = function (tag, className, text) {
    var element = document.createElement(tag);
    if (className) { element.className = className; }
    if (text) { element.appendChild(document.createTextNode(text)); }
    return element;
  };

  // closest is the element itself or the nearest around it that has an attribute.
  dom.closest = function (element, attribute) {
    while (element && element.nodeType === 1 && !element.hasAttribute(attribute)) { element = element.parentNode; }
    return element && element.nodeType === 1 ? element : null;
  };

  // parse makes elements of html in a document of their own, where nothing loads or runs.
  dom.parse = function (html) {
    var inert = document.implementation.createHTMLDocument("");
    inert.body.innerHTML = html;
    return inert.body;
  };

  function alike(a, b) {
    return a.nodeType === b.nodeType && a.nodeName === b.nodeName;
  }

  function patchAttributes(old, fresh) {
    var i, name;
    for (i = 0; i < fresh.attributes.length; i += 1) {
      dom.setAttribute(old, fresh.attributes[i].name, fresh.attributes[i].value);
    }
    for (i = old.attributes.length - 1; i >= 0; i -= 1) {
      name = old.attributes[i].name;
      if (!fresh.hasAttribute(name)) { old.removeAttribute(name); }
    }
  }

  // patch makes the children of old those of fresh and touches only what differs: focus, scroll position and selection
  // stay where they are.
  dom.patch = function (old, fresh) {
    var was = old.firstChild, is = fresh.firstChild, next;
    for (; is; is = is.nextSibling) {
      next = was && was.nextSibling;
      if (!was) {
        old.appendChild(document.importNode(is, true));
      } else if (!alike(was, is)) {
        old.replaceChild(document.importNode(is, true), was);
      } else if (is.nodeType === 1) {
        patchAttributes(was, is);
        dom.patch(was, is);
      } else if (was.nodeValue !== is.nodeValue) {
        was.nodeValue = is.nodeValue;
      }
      was = next;
    }
    while (was) {
      next = was.nextSibling;
      old.removeChild(was);
      was = next;
    }
  };

  pulsewall.dom = dom;
}(window.pulsewall = window.pulsewall || {}));
