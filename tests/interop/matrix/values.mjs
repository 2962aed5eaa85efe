// SPDX-License-Identifier: MIT
// The values of the matrix in JavaScript, and what each looks like; values.py is the same in Python.

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

// The size and the beginning of what lies in memory.
function hex(view) {
  const block = new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
  return `${block.length} ${Array.from(block.slice(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

// Values of every kind as text, so that two clients can compare what they hold.
export function show(value) {
  const type = Object.prototype.toString.call(value).slice(8, -1);
  if (value === null || value === undefined) return 'null';
  if (value._rtype === 'ndarray') return `array ${value._rdtype} ${value._rshape.join('x')} ${hex(value._rvalue)}`;
  if (type === 'Uint8Array') return `bytes ${hex(value)}`;
  if (/^(Int|Uint|Float)\d+Array$/.test(type))
    return `array ${type.slice(0, -5).toLowerCase()} ${value.length} ${hex(value)}`;
  if (type === 'ArrayBuffer' || type === 'DataView') return `memory ${hex(value)}`;
  if (type === 'Set') return `set ${[...value].map(show).sort().join()}`;
  if (type === 'Map') return `ordered ${[...value].map(([key, item]) => `${key}=${show(item)}`).join()}`;
  if (type === 'Blob') return `blob ${value.size} ${value.type}`;
  // Each language and version puts something else before the message.
  if (value instanceof Error) return `error ${value.message.split('\n')[0].split(': ').pop()}`;
  if (type === 'Date') return `date ${value.getTime()}`;
  if (type === 'Array') return `[${value.map(show).join()}]`;
  if (type === 'Object') {
    return `{${Object.keys(value).sort().map((key) => `${key}=${show(value[key])}`).join()}}`;
  }
  if (type === 'BigInt') return `number ${value}`;
  if (type === 'Number') return Number.isInteger(value) ? `number ${BigInt(value)}` : `number ${value}`;
  return `${typeof value} ${value}`;
}

export function same(actual, expected, what) {
  check(show(actual) === show(expected), `${what}: ${show(actual).slice(0, 200)}, not ${show(expected).slice(0, 200)}`);
}

// An array of more than one dimension, or of a type that has no typed array: this form is all that
// the clients know of such a thing, and what they make of one that comes.
const ndarray = (dtype, shape, items) => ({
  _rtype: 'ndarray', _rdtype: dtype, _rshape: shape, _rvalue: new Uint8Array(items.buffer),
});

// What a kind of client has of its own; made when a value is asked for by name.
export const SAMPLES = {
  map: () => new Map([['b', 1], ['a', 2]]),
  set: () => new Set([1, 2, 3]),
  date: () => new Date(1_700_000_000_000),
  error: () => new RangeError('the sum is too long'),
  blob: () => new Blob(['text'], { type: 'text/plain' }),
  memory: () => new Uint8Array([1, 2, 3, 4]).buffer,
  int8: () => new Int8Array([-1, 2]),
  int16: () => new Int16Array([-1, 2]),
  int32: () => new Int32Array([-1, 2]),
  uint16: () => new Uint16Array([1, 2]),
  uint32: () => new Uint32Array([1, 2]),
  float32: () => new Float32Array([0.5, -2]),
  float64: () => new Float64Array([0.5, -2]),
  int64: () => ndarray('int64', [3], new BigInt64Array([-1n, 2n ** 63n - 1n, -(2n ** 53n) - 1n])),
  uint64: () => ndarray('uint64', [2], new BigUint64Array([2n ** 64n - 1n, 2n ** 53n + 1n])),
  'two dimensions': () => ndarray('int16', [2, 3], new Int16Array([1, 2, 3, -4, 5, 6])),
  'three dimensions': () => ndarray('float64', [2, 1, 2], new Float64Array([0.5, 1, -2, 4])),
  'no elements': () => ndarray('float32', [0, 4], new Float32Array(0)),
};

export const PLAIN = {
  null: null,
  true: true,
  false: false,
  integers: [0, 1, -1, 31, -32, 127, 128, -128, -129, 255, 256, 32767, -32768, 65535, 65536],
  'large integers': [2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 2 ** 53, -(2 ** 53)],
  // What a number can hold of them, and what it cannot.
  '64 bits': [2 ** 60, -(2 ** 60), 2 ** 63, -(2 ** 63), 2 ** 64 - 2048],
  'every one of 64 bits': [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, 2n ** 64n - 1n],
  fractions: [0.5, -0.25, Math.PI, 1e-300, -1.5e300, Infinity, -Infinity],
  'not a number': NaN,
  text: ['', 'žluťoučký kůň — 日本語 — 🍄', 'ä'.repeat(70_000)],
  lists: [[], [[]], [1, [2, [3, [null]]]]],
  maps: { '': 1, 'with space': 2, ключ: 3, 'a.b:c/d@e': { x: {} } },
  'a long list': Array.from({ length: 20_000 }, (_, i) => i),
  'a wide map': Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i])),
  bytes: [new Uint8Array(0), new Uint8Array([0, 255, 128])],
};
