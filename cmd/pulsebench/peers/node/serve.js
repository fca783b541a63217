// What the peers on Node have in common: requests, where they listen, and how they end.
import http from "node:http";
import { WebSocket } from "ws";

const MAX_PAYLOAD = 64 << 10;

// server answers POST /publish, by which publish(bytes) is called, and POST /gc.
export function server(publish, collect = globalThis.gc) {
  return http.createServer((request, response) => {
    if (request.method === "POST" && request.url === "/publish") {
      body(request, response, publish);
    } else if (request.method === "POST" && request.url === "/gc") {
      request.resume();
      collect();
      response.writeHead(204).end();
    } else {
      request.resume();
      response.writeHead(404).end();
    }
  });
}

function body(request, response, publish) {
  const chunks = [];
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    chunks.push(chunk);
  });
  request.on("end", () => {
    if (size > MAX_PAYLOAD) {
      response.writeHead(413).end();
      return;
    }
    publish(Buffer.concat(chunks));
    response.writeHead(204).end();
  });
}

// send gives the bytes as a text message to each client of the room that is open.
export function send(room, payload) {
  room.clients.forEach((client) => {
    if (client.readyState === WebSocket.OPEN) {
      client.send(payload, { binary: false });
    }
  });
}

// take makes a WebSocket of each request that asks for one.
export function take(web, room) {
  web.on("upgrade", (request, socket, head) => {
    room.handleUpgrade(request, socket, head, (client) => client.on("error", () => client.terminate()));
  });
}

// listen serves on a free port of loopback until the process is told to end.
export function listen(server, library) {
  process.on("SIGTERM", () => process.exit(0));
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
    const { address, port } = server.address();
    console.log(`version ${library} on Node ${process.versions.node}`);
    console.log(`listening ${address}:${port}`);
  });
}
