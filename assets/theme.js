// theme.js runs in the head, before anything is painted. It is ES3, so that the oldest browsers get as far as this.
(function () {
  var root = document.documentElement, theme = "", scripts, interval, names, i;
  if (!window.addEventListener || !window.JSON || !document.querySelector) {
    // Too old for the client: a live page is loaded again every interval, and its landmarks are made known for styling.
    scripts = document.getElementsByTagName("script");
    interval = Number(scripts[scripts.length - 1].getAttribute("data-refresh")) || 10;
    window.setTimeout(function () {
      var main = document.getElementById("main");
      if (main && main.getAttribute("data-live")) { window.location.reload(); }
    }, interval * 1000);
    names = ["header", "nav", "main", "section", "footer", "time"];
    for (i = 0; i < names.length; i += 1) { document.createElement(names[i]); }
    return;
  }
  root.className = root.className.replace("no-js", "js");
  try { theme = window.localStorage.getItem("pulsewall.theme"); } catch (refused) { theme = ""; }
  if (theme === "light" || theme === "dark") { root.setAttribute("data-theme", theme); }
}());
