// SPDX-License-Identifier: MIT
// An agent in a Node of its own: a line of JSON on stdin for each request, one on descriptor 3 for
// each answer. What the client prints is its own business, and is looked at by the matrix.
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fetchedModule } from '../../../build-aux/demo/stock-client.mjs';
import { Agent } from './agent.mjs';

// What the clients expect of a browser: the old one when it encodes anything, the new one to encrypt.
globalThis.self ??= globalThis;
globalThis.ImageData ??= class ImageData {};
globalThis.File ??= class File {};

const [kind, role, modulePath, setup] = process.argv.slice(2);
const { hyphaWebsocketClient } = fetchedModule(modulePath);
const agent = new Agent(kind, role, { ...hyphaWebsocketClient, ...JSON.parse(setup) });
const out = createWriteStream(null, { fd: 3 });

process.on('unhandledRejection', (error) => console.error('unhandled rejection:', error));
for await (const line of createInterface(process.stdin)) {
  const { id, what, args } = JSON.parse(line);
  agent[what](...args).then(
    (value) => ({ id, value }),
    (error) => ({ id, error: String(error?.stack ?? error) }),
  ).then((answer) => out.write(`${JSON.stringify(answer)}\n`));
}
await agent.leave();
process.exit(0);
