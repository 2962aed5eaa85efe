// SPDX-License-Identifier: MIT
// The two stock clients, JavaScript and Python, with each other.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, refusal, timed } from './stock.mjs';

const api = await connect('ws-cross', { client_id: 'javascript' });
await api.registerService({ id: 'from-javascript', shout: (text) => text.toUpperCase() });

const python = spawn(process.env.HYPHA_PYTHON,
  [fileURLToPath(new URL('provider.py', import.meta.url)), 'from-javascript'],
  { stdio: ['pipe', 'pipe', 'inherit'] });
after(() => {
  python.stdin.end();
  return once(python, 'exit');
});
// The stock client logs to stdout as well.
await timed(new Promise((resolve, reject) => {
  createInterface(python.stdout).on('line', (line) => { if (line === 'ready') resolve(); });
  python.once('exit', (code) => reject(new Error(`the Python client ended early with ${code}`)));
}));
const service = await api.getService('from-python');

test('JavaScript calls Python', async () => assert.equal(await service.subtract(44, 2), 42));

test('Python calls JavaScript', async () => assert.equal(await service.relay('grüße'), 'GRÜSSE'));

test('plain values survive the two languages', async () => {
  const value = {
    null: null, truth: [true, false], numbers: [0, -1, 2 ** 53, 0.5], text: 'ключ 🍄',
    list: [[], {}], map: { a: { b: [1] } },
  };
  assert.deepEqual(await service.reflect(value), value);
});

test('a megabyte survives the two languages', async () => {
  const bytes = new Uint8Array(1_000_000).map((_, i) => i & 0xff);
  const answer = await service.reflect(bytes);
  assert.ok(Buffer.from(answer).equals(Buffer.from(bytes)));
});

test('Python calls a callback of JavaScript', async () => {
  assert.equal(await service.apply((value) => value * 2, 21), 42);
});

test('JavaScript reads a generator of Python', async () => {
  const items = [];
  for await (const item of await service.count(3)) items.push(item);
  assert.deepEqual(items, [0, 1, 2]);
});

test('an error of Python arrives in JavaScript', async () => {
  assert.match(await refusal(service.fail('überall Pilze')), /überall Pilze/);
});
