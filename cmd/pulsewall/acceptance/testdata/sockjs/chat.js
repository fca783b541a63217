// A chat client as its SockJS page had it, for Node: each line of the input, a JSON string, is said; what happens is told line by line.
"use strict";

var SockJS = require(process.argv[2] + "/node_modules/sockjs-client");
var sock = new SockJS(process.argv[3], null, { transports: [process.argv[4]], timeout: 30000 });
function tell(what) { process.stdout.write(JSON.stringify(what) + "\n"); }

sock.onopen = function () { tell({ open: sock.transport }); };
sock.onmessage = function (e) { tell({ text: e.data }); };
sock.onclose = function (e) { tell({ close: e.code + " " + e.reason }); process.exit(0); };
require("readline").createInterface({ input: process.stdin })
  .on("line", function (line) { sock.send(JSON.parse(line)); })
  .on("close", function () { sock.close(); });
