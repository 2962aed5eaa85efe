// SPDX-License-Identifier: MIT
// Every plain kind of value, there and back: to the core's own echo, and through another client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from './stock.mjs';

const BIG = 2 ** 53;
const MEGABYTE = 1_000_000;

function nest(depth) {
  let value = { leaf: 'found' };
  for (let i = 0; i < depth; i += 1) value = i % 2 ? [value] : { in: value };
  return value;
}

const values = {
  null: null,
  true: true,
  false: false,
  zero: 0,
  'small integers': [1, -1, 31, -32, 127, 128, -128, -129, 255, 256, 32767, -32768, 65535, 65536],
  'large integers': [2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32)],
  'integers to 2^53': [BIG - 1, BIG, -BIG, 1 - BIG],
  floats: [0.5, -0.5, Math.PI, 1e-300, -1e300, 5e-324, Infinity, -Infinity],
  'not a number': NaN,
  'empty text': '',
  unicode: 'žluťoučký kůň — 日本語 — 🍄 — \u0001',
  'long text': 'ä'.repeat(70_000),
  'empty list and map': [[], {}],
  'lists and maps': { list: [1, [2, [3, [null]]]], map: { a: { b: { c: { d: 'e' } } } } },
  'twelve levels': nest(12),
  'odd keys': { '': 1, 'with space': 2, 'ключ': 3, 'a.b:c/d@e': 4, 'x-y': 5 },
  'a long list': Array.from({ length: 20_000 }, (_, i) => i),
  'a wide map': Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`key-${i}`, i])),
};

function bytes(length) {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) data[i] = (i * 31 + (i >> 8)) & 0xff;
  return data;
}

const core = await connect('ws-values', { client_id: 'asker' });
const provider = await connect('ws-values', { client_id: 'provider' });
await provider.registerService({ id: 'mirror', config: { visibility: 'public' }, reflect: (value) => value });
const mirror = await core.getService('ws-values/provider:mirror');

const routes = {
  'the core': (value) => core.echo(value),
  'another client': (value) => mirror.reflect(value),
};

for (const [through, ask] of Object.entries(routes)) {
  for (const [name, value] of Object.entries(values)) {
    test(`${name} through ${through}`, async () => assert.deepEqual(await ask(value), value));
  }

  for (const length of [0, 1, 255, 65_536, 262_144, MEGABYTE]) {
    test(`${length} bytes through ${through}`, async () => {
      const answer = await ask(bytes(length));
      assert.ok(answer instanceof Uint8Array, `it came back as ${Object.prototype.toString.call(answer)}`);
      assert.ok(Buffer.from(answer).equals(Buffer.from(bytes(length))), 'the bytes differ');
    });
  }

  test(`bytes within a map through ${through}`, async () => {
    const answer = await ask({ name: 'blob', data: bytes(3), more: [bytes(5)] });
    assert.deepEqual([...answer.data, ...answer.more[0]], [...bytes(3), ...bytes(5)]);
  });

  test(`a date through ${through}`, async () => {
    const date = new Date('2026-11-22T08:00:00.123Z');
    assert.equal(new Date(await ask(date)).getTime(), date.getTime());
  });
}
