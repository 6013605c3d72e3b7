// Servers of HTTP/2 alone, over TLS and in plain words: the process's id and
// their two addresses; and, when it is ended, how many sessions and streams
// they had. Ends by itself in time. The certificate is the sandbox's.
// SPDX-License-Identifier: MIT
"use strict";
const http2 = require("http2");
const tls = require("tls");
const { readFileSync } = require("fs");

const dir = process.env.TRUNKING_SANDBOX_DIR;
const counts = { sessions: 0, streams: 0 };

function counted() {
  const server = http2.createServer();
  server.on("session", () => { counts.sessions++; });
  server.on("sessionError", () => {});
  server.on("stream", (stream) => {
    counts.streams++;
    stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  });
  return server;
}

function listen(scheme, server) {
  return new Promise((done) => server.listen(0, "127.0.0.1", () => {
    console.log(`${scheme}://127.0.0.1:${server.address().port}`);
    done();
  }));
}

function end() {
  console.log(`sessions\t${counts.sessions}\tstreams\t${counts.streams}`);
  process.exit(0);
}

console.log(process.pid);
process.on("SIGTERM", end);
setTimeout(end, 60000);

// A handshake without HTTP/2 ends in an alert. http2's own secure server does
// that from Node 20 on; Node 18's shakes hands, and answers 403 in HTTP/1.0.
const spoken = counted();
const secure = tls.createServer({
  key: readFileSync(`${dir}/server.key`),
  cert: readFileSync(`${dir}/server.pem`),
  ALPNCallback: ({ protocols }) => protocols.find((name) => name === "h2"),
}, (socket) => spoken.emit("connection", socket));
secure.on("tlsClientError", () => {});
listen("https", secure).then(() => listen("http", counted()));
