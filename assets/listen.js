// listen.js hears what people and the browser do, and starts the page.
(function (pulsewall) {
  "use strict";

  var dom = pulsewall.dom;

  var actions = {
    pause: function (page, button) {
      var on = !page.paused, label = page.words.say(on ? "resume" : "pause");
      button.setAttribute("aria-pressed", String(on));
      button.setAttribute("aria-label", label);
      button.title = label;
      page.pause(on);
    },
    theme: function (page) {
      var root = document.documentElement, theme = root.getAttribute("data-theme"), dark;
      dark = theme ? theme === "dark" : Boolean(window.matchMedia && window.matchMedia("(prefers-color-scheme: dark)").matches);
      theme = dark ? "light" : "dark";
      root.setAttribute("data-theme", theme);
      try { window.localStorage.setItem("pulsewall.theme", theme); } catch (refused) { dark = null; } // for this page only
      pulsewall.charts.recolour(page.panels);
    },
    table: function (page, button) {
      var panel = panelOf(page, button);
      if (panel) { panel.showTable(!dom.hasClass(panel.section, "as-table")); }
    },
    dismiss: function (page, button) {
      var notice = dom.closest(button, "data-notice");
      if (notice) { page.notices.dismiss(notice); }
    },
    "dismiss-all": function (page) { page.notices.dismissAll(); },
    newest: function (page) { page.chat.log.toEnd(); },
    resend: function (page, button) { page.chat.box.resend(button.getAttribute("data-key")); },
    discard: function (page, button) { page.chat.box.discard(button.getAttribute("data-key")); },
    retry: function (page) { page.link.start(); }
  };

  function panelOf(page, element) {
    var section = dom.closest(element, "data-panel");
    return page.panels.filter(function (panel) { return panel.section === section; })[0];
  }

  function click(page, event) {
    var button = dom.closest(event.target, "data-action"), link = dom.closest(event.target, "data-page"), panel;
    if (button && actions.hasOwnProperty(button.getAttribute("data-action"))) {
      actions[button.getAttribute("data-action")](page, button);
      return;
    }
    panel = link && panelOf(page, link);
    if (!panel || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) { return; }
    event.preventDefault();
    page.turn(panel, Number(link.getAttribute("data-page")));
  }

  function escape(page, event) {
    if (event.keyCode === 27 && !event.defaultPrevented && !event.isComposing && event.target.nodeName !== "SELECT" && page.notices.escape()) {
      event.preventDefault();
    }
  }

  // submit changes the user without a page load. What is no user goes to the server, which says so.
  function submit(page, event) {
    var form = event.target, input = form.querySelector("[name=unionId]");
    var unionId = input ? input.value.replace(/\s+/g, "") : "";
    if (form.getAttribute("data-slot") !== "user" || !/^-?[0-9]{1,19}$/.test(unionId)) { return; }
    event.preventDefault();
    page.user(unionId);
  }

  // listen connects a page with what happens around it.
  pulsewall.listen = function (page) {
    function on(target, name, act) { target.addEventListener(name, act, false); }
    on(document, "click", function (event) { click(page, event); });
    on(document, "keydown", function (event) { escape(page, event); });
    on(document, "submit", function (event) { submit(page, event); });
    on(window, "popstate", function (event) {
      if (event.state && event.state.currents) { page.go(event.state, false); }
    });
    pulsewall.attend(page.link);
    on(document, "visibilitychange", function () { page.release(); });
    if (window.matchMedia && window.matchMedia("(prefers-color-scheme: dark)").addListener) {
      window.matchMedia("(prefers-color-scheme: dark)").addListener(function () { pulsewall.charts.recolour(page.panels); });
    }
    page.place.keep(page.panels);
    dom.all(document, "[data-action=pause],[data-action=theme]").forEach(function (button) {
      button.removeAttribute("hidden");
    });
  };

  function start() {
    var main;
    if (!window.addEventListener || !window.JSON || !document.querySelector) { return; } // theme.js reloads the page
    main = document.querySelector("[data-live]");
    if (!main || pulsewall.page || main.querySelector("[data-chat]") && !pulsewall.Chat) { return; } // room.js comes after
    pulsewall.page = new pulsewall.Page(main);
  }

  pulsewall.start = start;

  if (document.readyState === "loading" && document.addEventListener) {
    document.addEventListener("DOMContentLoaded", start, false);
  } else {
    start();
  }
}(window.pulsewall = window.pulsewall || {}));
