// SPDX-License-Identifier: MIT
// A page outlives its server, with the service that it offers; test-life-cycle.py has the others.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';

const home = mkdtempSync(`${tmpdir()}/hypha-interop-`);
process.env.HYPHA_SECRET = 'interop-tests-sign-their-own-tokens-with-this';
const { startBrowser, startNode, startPython } = await import('./matrix/agents.mjs');
const { timed, until } = await import('./stock.mjs');

async function serve(port) {
  const server = spawn(process.env.HYPHA_PROGRAM, ['serve', '--port', port], {
    env: { PATH: process.env.PATH, HOME: home, HYPHA_JWT_SECRET: process.env.HYPHA_SECRET },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await timed(once(createInterface(server.stdout), 'line'))).value;
  return { server, url: line.replace(/^.* /, '') };
}

let { server, url } = await serve('0');
const browser = await startBrowser();
const page = (kind, module) => (role) => browser.startPage(kind, role, url, module);
const kinds = {
  js: { start: (role) => startNode('js', role, url, 'hypha-rpc') },
  py: { start: (role) => startPython('py', role, url) },
  chromium: { start: page('chromium', 'hypha-rpc') },
  'chromium-old': { start: page('chromium-old', 'hypha-rpc-old') },
  'chromium-http': { start: page('chromium-http', 'hypha-rpc'), options: [{ transport: 'http' }] },
};
const agents = {};
await Promise.all(Object.entries(kinds).flatMap(([kind, { start, options = [] }]) => {
  agents[kind] = {};
  return ['provider', 'consumer'].map(async (role) => {
    agents[kind][role] = await start(role);
    await agents[kind][role].ask('join', role, ...options);
  });
}));

after(async () => {
  const processes = [agents.js, agents.py].flatMap((kind) => Object.values(kind));
  await Promise.allSettled(processes.map((agent) => agent.stop()));
  await browser.stop();
  server.kill();
  await once(server, 'exit');
  rmSync(home, { recursive: true });
});

const run = (row, consumer, provider) => agents[consumer].consumer.ask('run', {
  row, at: `ws-matrix/provider-${provider}`, name: `${consumer}-again`, without: [],
  providerLanguage: provider === 'py' ? 'python' : 'javascript',
});

// Every pair that a page is one of; those without are in test-life-cycle.py.
const names = Object.keys(kinds);
const isPage = (kind) => kind.startsWith('chromium');
const pairs = names.flatMap((consumer) => names.map((provider) => [consumer, provider]))
  .filter((pair) => pair.some(isPage));

test('the server is killed, and comes back', async () => {
  await Promise.all(pairs.map((pair) => run('get', ...pair)));
  server.kill('SIGKILL');
  await once(server, 'exit');
  ({ server } = await serve(new URL(url).port));
});

// They come back one after another, and try again every few seconds.
const LIMIT_MS = 60_000;

async function callAgain(consumer, provider) {
  let last;
  await until(() => run('get', consumer, provider).then(() => true, (error) => { last = error; }),
    'a call', LIMIT_MS).catch((error) => { throw new AggregateError([error, last], String(last)); });
  for (const row of ['list', 'callbacks', '_rintf given', 'register, update, unregister'])
    await run(row, consumer, provider);
}

// One call after another: what stock clients do with several while they are away is not steady.
const outcomes = new Map();
async function callEverybody(consumer) {
  for (const pair of pairs.filter(([one]) => one === consumer))
    outcomes.set(pair, await callAgain(...pair).then(() => null, (error) => error));
}

test('everybody comes back', () => Promise.all(names.map(callEverybody)));

for (const pair of pairs) {
  test(`${pair[0]} calls ${pair[1]} again`, () => {
    if (outcomes.get(pair)) throw outcomes.get(pair);
    assert.ok(outcomes.has(pair));
  });
}

test('the pages said nothing but that the connection was lost', () => {
  const LOST = /WebSocket|reconnect|ERR_CONNECTION|ERR_INCOMPLETE|Connection (lost|closed)|stream|network/i;
  for (const kind of names.filter(isPage)) {
    const noise = agents[kind].provider.log.filter((line) => /^ERROR/.test(line));
    assert.deepEqual(noise.filter((line) => !LOST.test(line)), [], kind);
  }
});
