// SPDX-License-Identifier: MIT
// Every kind of stock client offers everything to every kind, and calls it. What a client of some
// kind cannot do is in matrix/exceptions.json, with the reason, and in hypha-core/docs/interop.md.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { startBrowser, startNode, startPython } from './matrix/agents.mjs';
import { timed, until } from './stock.mjs';

// Rows that the core cannot pass yet. To be empty.
const pending = {};

const url = process.env.HYPHA_URL;
const LIMIT_MS = 40_000;
const HUGE_LIMIT_MS = 180_000;
const KINDS = ['js', 'js-old', 'chromium', 'chromium-old', 'py'];
// The same client elsewhere: what the one cannot do, the other cannot.
const AS = { 'chromium-old': 'js-old' };
// What a browser offers to connect for a data channel.
const OFFER = { type: 'offer', sdp: [
  'v=0', 'o=- 4611731400430051336 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:abcd',
  `a=ice-pwd:${'a'.repeat(24)}`, `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  'a=setup:actpass', 'a=mid:0', 'a=sctp-port:5000', ''].join('\r\n') };
// A message of 64 MiB keeps both ends and the machine busy, so not every pair sends one.
const HUGE_PAIRS = ['js js', 'js py', 'py js', 'py py', 'js-old js', 'js js-old', 'chromium js', 'js chromium',
  'js chromium-old'];
const isHuge = (row) => row.startsWith('64 MiB');
// Rows that keep their provider from working, or in which a page sends with keepalive, for which
// Chromium grants 64 KiB at a time: every provider has one consumer, every consumer one provider.
const ALONE = ['time-out', '64 MiB there', '64 MiB back', 'HTTP transport, 300 KiB'];
const WARNING = /^(WARNING|ERROR)\b|^(WARN|ERR)|\[?(warn|error)\]?:|Traceback|unhandled/i;

// What a stock client says to every server whose reconnection tokens live for an hour.
const EXPECTED = /Token refresh interval is too long/;

const exceptions = JSON.parse(readFileSync(new URL('matrix/exceptions.json', import.meta.url), 'utf8'));

const hasKind = (kinds, kind) => kinds.includes(kind) || kinds.includes(AS[kind]);
const concerns = (entry, row, provider, consumer) => entry.row === row &&
  hasKind(entry.provider ?? KINDS, provider) && hasKind(entry.consumer ?? KINDS, consumer) &&
  (!entry.either || hasKind(entry.either, provider) || hasKind(entry.either, consumer));

// Why this pair does not run this row at all; and the values that it runs it without.
const exception = (...pair) => exceptions.find((entry) => !entry.values && concerns(entry, ...pair));
const without = (...pair) => exceptions.filter((entry) => entry.values && concerns(entry, ...pair))
  .flatMap((entry) => entry.values);

const browser = await startBrowser();
const start = {
  js: (role) => startNode('js', role, url, 'hypha-rpc'),
  'js-old': (role) => startNode('js-old', role, url, 'hypha-rpc-old'),
  chromium: (role) => browser.startPage('chromium', role, url, 'hypha-rpc'),
  'chromium-old': (role) => browser.startPage('chromium-old', role, url, 'hypha-rpc-old'),
  py: (role) => startPython('py', role, url),
};
const agents = { provider: {}, consumer: {} };
after(async () => {
  const all = [...Object.values(agents.provider), ...Object.values(agents.consumer)];
  await Promise.allSettled(all.map((agent) => agent.stop()));
  await browser.stop();
});

const rowNames = {};
const results = [];

async function record(name, action, todo, limit = LIMIT_MS) {
  const began = performance.now();
  const error = await timed(action(), limit).then(() => null, (caught) => caught);
  results.push({ name, error, todo });
  if (process.env.HYPHA_MATRIX_VERBOSE)
    console.error(`${Math.round(performance.now() - began)} ms ${name}${error ? ` ${error}` : ''}`);
}

for (const role of ['provider', 'consumer']) {
  await Promise.all(KINDS.map((kind) => record(`${kind} joins as a ${role}`, async () => {
    const agent = await start[kind](role);
    agents[role][kind] = agent;
    rowNames[kind] = await agent.ask('join', role);
    // Getting in and the first calls are nothing to remark on.
    const noise = agent.log.filter((line) => WARNING.test(line) && !EXPECTED.test(line));
    assert.deepEqual(noise, [], 'the client was not content');
  })));
}

// Where there is no WebRTC, the error of the provider shows that the offer came to it.
const rtcClients = {};
for (const kind of KINDS.filter((name) => name !== 'py'))
  rtcClients[kind] = await agents.provider[kind].ask('offerRtc');

// Confirms, with the command for the person at this machine, a login that is waiting.
async function confirmLogin({ code }) {
  const home = process.env.HYPHA_SERVER_HOME;
  const env = {
    PATH: process.env.PATH, HOME: home, HYPHA_JWT_SECRET: process.env.HYPHA_SECRET,
    XDG_DATA_HOME: `${home}/data`, XDG_RUNTIME_DIR: `${home}/run`,
  };
  const port = new URL(url).port;
  await promisify(execFile)(process.env.HYPHA_PROGRAM, ['login', '--port', port, code], { env });
}

async function logIn(agent) {
  let ended = false;
  const user = agent.ask('logIn').finally(() => { ended = true; });
  user.catch(() => {});
  const context = await until(async () => ended || agent.ask('loginContext'), 'a login');
  if (!ended) await confirmLogin(context);
  assert.equal((await user).is_anonymous, false);
}

async function runPair(row, provider, consumer) {
  const name = `${row}: ${consumer} calls ${provider}`;
  const skip = exception(row, provider, consumer)?.reason;
  if (skip) {
    results.push({ name, skip });
    return;
  }
  const request = {
    row,
    at: `ws-matrix/provider-${provider}`,
    name: `${row}-${consumer}`.replace(/[^a-z0-9]+/gi, '-').replace(/^-/, ''),
    providerLanguage: provider === 'py' ? 'python' : 'javascript',
    without: without(row, provider, consumer),
    rtc: { client: rtcClients[provider], offer: OFFER, answers: provider.startsWith('chromium') },
  };
  const todo = pending[row]?.(provider, consumer);
  await record(name, () => agents.consumer[consumer].ask('run', request), todo,
    isHuge(row) ? HUGE_LIMIT_MS : LIMIT_MS);
}

const allPairs = KINDS.flatMap((provider) => KINDS.map((consumer) => [provider, consumer]));
// As many rounds as there are kinds, in which every provider has another consumer.
const rounds = KINDS.map((_, shift) => KINDS.map((provider, i) => [provider, KINDS[(i + shift) % KINDS.length]]));
const names = [...new Set(Object.values(rowNames).flat())];
const only = process.env.HYPHA_MATRIX_ROWS?.split(';');
for (const row of names.filter((name) => !only || only.includes(name))) {
  const wanted = ([provider, consumer]) => !isHuge(row) || HUGE_PAIRS.includes(`${consumer} ${provider}`);
  for (const round of ALONE.includes(row) ? rounds : [allPairs])
    await Promise.all(round.filter(wanted).map((pair) => runPair(row, ...pair)));
}

if (!only || only.includes('log in')) {
  await Promise.all(KINDS.map((kind) =>
    record(`log in: ${kind}`, () => logIn(agents.consumer[kind]), pending['log in']?.(kind))));
}

test('every kind knows every row', () => {
  for (const kind of KINDS) assert.deepEqual([...rowNames[kind]].sort(), [...names].sort(), kind);
});

test('every exception is one of this matrix, and the manual has it', () => {
  const manual = readFileSync(new URL('../../hypha-core/docs/interop.md', import.meta.url), 'utf8');
  const lines = exceptions.map(({ row, values = [], provider = [], consumer = [], either = [], reason }) =>
    `| ${[row, ...values].join(', ')} | ${provider.join(', ')} | ${consumer.join(', ')} ` +
    `| ${either.join(', ')} | ${reason} |`);
  assert.deepEqual(manual.split('\n').filter((line) => /^\| .*\|$/.test(line)).slice(2), lines);
  for (const { row } of exceptions) assert.ok(names.includes(row), row);
});

for (const { name, skip, todo, error } of results) test(name, { skip, todo }, () => { if (error) throw error; });
