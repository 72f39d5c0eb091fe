// A client of the echo server: the npm package ws.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const WebSocket = require("ws");

const url = process.argv[2];

async function main() {
  const ws = new WebSocket(url, ["unknown", "echo"]);
  const queue = [], waiting = [];
  ws.on("message", (data, isBinary) => {
    const message = isBinary ? data : data.toString();
    waiting.length ? waiting.shift()(message) : queue.push(message);
  });
  const next = () => queue.length ? queue.shift() : new Promise(resolve => waiting.push(resolve));
  await once(ws, "open");
  assert.equal(ws.protocol, "echo");
  assert.equal(ws.extensions, "");

  const messages = ["hello", "", "hé€🦀", Buffer.alloc(0), Buffer.from([0, 1, 255]), "x".repeat(70_000),
    Buffer.alloc(1_000_000, 7)];
  for (const message of messages) {
    ws.send(message);
    assert.deepEqual(await next(), message);
  }
  // All at once: they come back in order.
  messages.forEach(message => ws.send(message));
  for (const message of messages) assert.deepEqual(await next(), message);

  ws.send("in ", { fin: false });
  ws.send("three ", { fin: false });
  ws.send("fragments", { fin: true });
  assert.equal(await next(), "in three fragments");

  ws.ping("there?");
  assert.equal((await once(ws, "pong"))[0].toString(), "there?");

  ws.send("Trigger async");
  assert.deepEqual([await next(), await next()].sort(), ["Async data", "Trigger async"]);

  ws.close(4000, "enough");
  const [code] = await once(ws, "close");
  assert.equal(code, 4000);

  const refused = new WebSocket(url + "/not/there");
  const [, response] = await once(refused, "unexpected-response");
  assert.equal(response.statusCode, 404);
  refused.on("error", () => {});
  refused.terminate();
  console.log("ok");
}

main().catch(error => { console.error(error); process.exit(1); });
