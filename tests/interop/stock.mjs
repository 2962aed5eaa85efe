// SPDX-License-Identifier: MIT
// What the tests in JavaScript share: stock clients of the server under test, closed at the end.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { connectToServer } from '../../build-aux/demo/stock-client.mjs';
import { mint } from './tokens.mjs';

export const url = process.env.HYPHA_URL;
export const DEADLINE_MS = 20_000;
const clients = [];

// Connects with a token of the workspace, or as nobody where the workspace is null.
export async function connect(workspace = 'ws-a', options = {}) {
  const token = workspace === null ? undefined : mint(workspace);
  const api = await connectToServer({ server_url: url, workspace, token, ...options });
  clients.push(api);
  return api;
}

export async function leave(api) {
  clients.splice(clients.indexOf(api), 1);
  await api.disconnect();
}

// The answer of a promise and how long it took, or an assertion if it did not come in time.
export async function timed(promise, limit = DEADLINE_MS) {
  const start = performance.now();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `no answer in ${limit} ms` })), limit);
  });
  const value = await Promise.race([promise, late]).finally(() => clearTimeout(timer));
  return { value, ms: performance.now() - start };
}

// The error that a promise is rejected with, within the limit.
export async function refusal(promise, limit = DEADLINE_MS) {
  const { value } = await timed(promise.then(
    (answer) => ({ answer }),
    (error) => ({ error }),
  ), limit);
  assert.ok('error' in value, `it was not refused, but answered ${JSON.stringify(value.answer)}`);
  return String(value.error?.message ?? value.error);
}

// Repeats until the condition gives something true.
export async function until(condition, what, limit = DEADLINE_MS) {
  const deadline = performance.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(performance.now() < deadline, `${what} did not happen in ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

after(() => Promise.all(clients.map((api) => api.disconnect())));
