// SPDX-License-Identifier: MIT
// Two JavaScript clients that use everything which has a form of its own on the wire.
import WebSocket from "ws";
import { hyphaWebsocketClient } from "hypha-rpc";

globalThis.WebSocket ??= WebSocket;
const server_url = `http://127.0.0.1:${process.argv[2]}`;
const connect = (client_id) => hyphaWebsocketClient.connectToServer({ server_url, client_id });

const provider = await connect("js-p");
const consumer = await connect("js-c");
await provider.registerService({
  id: "calc", name: "Calc", config: { visibility: "public", require_context: true },
  add: (a, b) => a + b,
  values: () => ({
    nothing: null, yes: true, no: false, small: 7, negative: -5, big: 2 ** 40, real: 3.25, text: "größe ☃",
    bytes: new Uint8Array([1, 2, 3]), floats: new Float32Array([1.5, 2]), set: new Set([1, 2]),
    map: new Map([["a", 1]]), date: new Date(0), list: [1, [2, [3]]], empty: {}, long: "x".repeat(300),
    buffer: new Uint8Array([9, 8]).buffer,
  }),
  fail: () => { throw new Error("as asked"); },
  callback: async (f) => await f("from the provider"),
  gen: function* () { yield 1; yield 2; },
  size: (bytes) => bytes.length,
  kw: (options) => options,
});

await consumer.echo("hi");
const calc = await consumer.rpc.get_remote_service("js-p:calc");
await calc.add(2, 3);
await calc.values();
await calc.fail().catch(() => null);
await calc.callback((text) => text.toUpperCase());
for await (const item of await calc.gen())
  void item;
await calc.size(new Uint8Array(70000));
await calc.size(new Uint8Array(300000));
await calc.kw({ a: 1, c: 3, _rkwargs: true });
await consumer.emit?.({ type: "my-event", data: { a: 1 }, to: "js-p" });
await consumer.disconnect();
await provider.disconnect();
process.exit(0);
