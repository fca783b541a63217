// Sends by socket.io with its defaults: one emit, which its adapter encodes once and hands to every socket.
import { createRequire } from "node:module";
import { Server } from "socket.io";
import { listen, server } from "./serve.js";

let room = null;
const web = server((payload) => room.emit("m", payload.toString()));
room = new Server(web, { serveClient: false });

listen(web, createRequire(import.meta.url)("socket.io/package.json").version);
