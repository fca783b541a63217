// rungs.js opens connections: WebSocket, SSE, long poll. A rung is a function (link, on) that tells on.event each event
// and on.end, at most once, how the connection ended; it returns {close, send}, send only where the wire has a way up.
(function (pulsewall) {
  "use strict";

  var WAIT = 25;        // s, how long a long poll may wait for news
  var POLL_GAP = 50;    // ms between polls, so that a burst of messages makes few of them
  var EMPTY_GAP = 1000; // ms, when something between here and the server answers at once with nothing

  function parse(text) {
    var value = null;
    try { value = JSON.parse(text); } catch (malformed) { value = null; }
    return value !== null && typeof value === "object" ? value : null;
  }

  // event makes a value from the wire an event: a name, an id and an object of data; null if it is none.
  function event(value) {
    if (!value || typeof value.event !== "string" || value.data === null || typeof value.data !== "object") { return null; }
    return { event: value.event, id: typeof value.id === "string" ? value.id : "", data: value.data };
  }

  function tell(on, value) {
    var known = event(value);
    if (known) { on.event(known); }
  }

  function websocket(link, on) {
    var socket = new WebSocket(link.address("ws").replace(/^http/, "ws"));
    socket.onmessage = function (frame) { tell(on, parse(frame.data)); };
    socket.onclose = function (close) { on.end({ code: close.code, detail: close.reason }); };
    return {
      send: function (text) { socket.send(text); },
      close: function () {
        socket.onmessage = socket.onclose = null;
        socket.close();
      }
    };
  }

  var EVENTS = ["hello", "reading", "message", "reset", "heartbeat", "presence", "room", "reply", "bye"];

  // The browser's own way to reconnect knows neither jitter nor bye, so any error is the end of the connection.
  function sse(link, on) {
    var source = new EventSource(link.address("sse")), closed = false;
    function close() {
      closed = true;
      source.close();
    }
    function listen(name) {
      source.addEventListener(name, function (sent) {
        if (!closed) { tell(on, { event: name, id: sent.lastEventId, data: parse(sent.data) }); }
      });
    }
    EVENTS.forEach(listen);
    source.onerror = function () {
      if (closed) { return; }
      close();
      on.end({});
    };
    return { close: close };
  }

  // poll asks once without waiting, for the hello that proves the rung, and then again and again with a wait.
  function poll(link, on) {
    var request = null, timer = null, closed = false, first = true;
    function next() {
      var askedAt = Date.now();
      request = ask(link.address("poll", "wait=" + (first ? 0 : WAIT)), function (answer) {
        var fast = !first && Date.now() - askedAt < EMPTY_GAP, i;
        if (!answer.events) { on.end(answer); return; }
        first = false;
        for (i = 0; i < answer.events.length && !closed; i += 1) { on.event(answer.events[i]); }
        if (closed) { return; }
        on.cursor(answer.cursor);
        timer = window.setTimeout(next, fast && answer.events.length === 0 ? EMPTY_GAP : POLL_GAP);
      });
    }
    next();
    return {
      close: function () {
        closed = true;
        window.clearTimeout(timer);
        request.close();
      }
    };
  }

  // ask sends one poll. done gets {events, cursor}, or {status, detail, retry}: status 0 for no answer of the server's,
  // retry in ms where it named one. With patience (ms) no answer by then is none. close forgets the request.
  function ask(address, done, patience) {
    return exchange("GET", address, null, function (request) { done(request ? read(request) : { status: 0 }); }, patience);
  }

  // post sends an object. done(problem, result) gets one of them, the problem as ask does, with its title.
  function post(address, object, done) {
    return exchange("POST", address, JSON.stringify(object), function (request) {
      var body = parse(request.responseText), problem;
      if (request.status >= 200 && request.status < 300 && body) {
        done(null, body);
        return;
      }
      problem = refusal(request, body);
      problem.title = body && String(body.title || "");
      done(problem, null);
    });
  }

  // exchange makes one request; done gets it when it is over, or null when patience was.
  function exchange(method, address, body, done, patience) {
    var request = new XMLHttpRequest(), timer = null, over = false;
    function finish(answered) {
      if (over) { return; }
      over = true;
      window.clearTimeout(timer);
      done(answered);
    }
    function forget() {
      over = true;
      window.clearTimeout(timer);
      request.abort();
    }
    request.open(method, address, true);
    request.setRequestHeader("Accept", "application/json");
    if (body !== null) { request.setRequestHeader("Content-Type", "application/json"); }
    request.onreadystatechange = function () {
      if (request.readyState === 4) { finish(request); }
    };
    if (patience) {
      timer = window.setTimeout(function () {
        forget();
        done(null);
      }, patience);
    }
    request.send(body);
    return { close: forget };
  }

  function read(request) {
    var body = parse(request.responseText);
    if (request.status !== 200) { return refusal(request, body); }
    if (!body || !Array.isArray(body.events)) { return { status: 0 }; } // a login page of the network, perhaps
    return { events: body.events.map(event).filter(Boolean), cursor: typeof body.cursor === "string" ? body.cursor : "" };
  }

  function refusal(request, body) {
    return {
      status: request.status,
      detail: body && String(body.detail || body.title || ""), // null: not a word of this server's
      retry: retryAfter(request.getResponseHeader("Retry-After"))
    };
  }

  function retryAfter(header) {
    var ms = header ? Number(header) * 1000 : NaN;
    if (header && isNaN(ms)) { ms = Date.parse(header) - Date.now(); }
    return ms >= 0 ? ms : undefined;
  }

  pulsewall.ask = ask;
  pulsewall.post = post;
  // here says whether the browser has it, silence how many ms of it are part of the way it works.
  pulsewall.rungs = [
    { name: "websocket", open: websocket, here: function () { return Boolean(window.WebSocket); } },
    { name: "sse", open: sse, here: function () { return Boolean(window.EventSource); } },
    { name: "poll", open: poll, here: function () { return true; }, silence: 1000 * WAIT + 10000 }
  ];
}(window.pulsewall = window.pulsewall || {}));
