// Sends by ws from two processes that share one port, by Node's own cluster module: who gets a payload tells the first
// process, and that tells both.
import cluster from "node:cluster";
import { createRequire } from "node:module";
import { WebSocketServer } from "ws";
import { send, server, take } from "./serve.js";

const PROCESSES = 2;

function lead() {
  const workers = Array.from({ length: PROCESSES }, () => cluster.fork());
  let listening = 0;
  for (const worker of workers) {
    worker.on("message", (message) => {
      workers.forEach((each) => each.send(message));
      if (message.collect) {
        globalThis.gc();
      }
    });
    worker.on("listening", ({ address, port }) => {
      listening += 1;
      if (listening === PROCESSES) {
        const library = createRequire(import.meta.url)("ws/package.json").version;
        console.log(`version ${library} on Node ${process.versions.node}, ${PROCESSES} processes`);
        console.log(`listening ${address}:${port}`);
      }
    });
  }
  process.on("SIGTERM", () => {
    workers.forEach((worker) => worker.kill());
    process.exit(0);
  });
}

function work() {
  const room = new WebSocketServer({ noServer: true });
  const web = server(
    (payload) => process.send({ payload: payload.toString() }),
    () => process.send({ collect: true }),
  );
  take(web, room);
  process.on("message", (message) => {
    if (message.collect) {
      globalThis.gc();
    } else {
      send(room, Buffer.from(message.payload));
    }
  });
  web.listen({ host: "127.0.0.1", port: 0, backlog: 4096 });
}

if (cluster.isPrimary) {
  lead();
} else {
  work();
}
