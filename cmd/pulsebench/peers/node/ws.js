// Sends by ws as its README's broadcast does: one send for each client that is open.
import { createRequire } from "node:module";
import { WebSocketServer } from "ws";
import { listen, send, server, take } from "./serve.js";

const room = new WebSocketServer({ noServer: true });
const web = server((payload) => send(room, payload));
take(web, room);
listen(web, createRequire(import.meta.url)("ws/package.json").version);
