// SPDX-License-Identifier: MIT
// Services and apps of a stock JavaScript client, over plain HTTP.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, until, url } from './stock.mjs';
import { mint } from './tokens.mjs';

const config = { visibility: 'public' };
const provider = await connect('ws-js', { client_id: 'javascript' });
const text = new TextDecoder();
const tidied = [];

await provider.registerService({
  id: 'calls', config, answer: 42,
  sayHello: (name) => `Hello, ${name}!`,
  keys: (object) => Object.keys(object).sort(),
  nothing: () => undefined,
  raw: () => new Uint8Array([0, 255]),
  fail: () => { throw new Error('no luck'); },
  deep: { er: { join: (words) => words.join('-') } },
  async* countTo(limit) { for (let i = 1; i <= limit; i += 1) yield i; },
  async* failLater() { yield 1; throw new Error('no more'); },
});

await provider.registerService({
  id: 'told', config: { ...config, require_context: true },
  who: (context) => ({ ws: context.ws, user: context.user.id }),
});

await provider.registerService({
  id: 'site', type: 'functions', config,
  index: async () => ({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>hello' }),
  hello: async (event) => ({ status: 201, headers: { 'X-App': 'yes' }, body: `hello ${event.query_string}` }),
  bytes: async () => ({ body: new Uint8Array([0, 255]) }),
  mirror: async (event) => ({ body: event.body }),
  fail: async () => { throw new Error('out of order'); },
  deep: { er: async (event) => ({ body: event.function_path }) },
});

await provider.registerService({
  id: 'app', type: 'ASGI', config,
  serve: async ({ scope, receive, send }) => {
    const message = await receive();
    const size = message.body?.byteLength ?? message.body?.length ?? 0;
    await send({
      type: 'http.response.start', status: scope.path === '/404' ? 404 : 200,
      headers: [['content-type', 'text/plain'], ['x-app', 'yes']],
    });
    await send({ type: 'http.response.body', body: `${scope.method} ${scope.path} `, more_body: true });
    await send({ type: 'http.response.body', body: new TextEncoder().encode(`${size}`), more_body: false });
    await new Promise((resolve) => setTimeout(resolve, 50));
    tidied.push(scope.path, (await receive()).type);
  },
});

async function ask(path, { token, ...options } = {}) {
  const headers = { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/ws-js/${path}`, { ...options, headers });
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, body, text: text.decode(body) };
}

async function call(path, options) {
  const answer = await ask(`services/${path}`, options);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}

const post = (value) => ({
  method: 'POST', body: JSON.stringify(value), headers: { 'content-type': 'application/json' },
});

test('a function is called with one argument, in both spellings', async () => {
  assert.equal(await call('calls/sayHello?name=HTTP'), 'Hello, HTTP!');
  assert.equal(await call('calls/say_hello?name=HTTP'), 'Hello, HTTP!');
  assert.equal(await call('javascript:calls/sayHello', post({ name: 'HTTP' })), 'Hello, HTTP!');
});

test('several arguments without known names are one object', async () => {
  assert.deepEqual(await call('calls/keys?b=1&a=2'), ['a', 'b']);
});

test('nested functions and values are reached', async () => {
  assert.equal(await call('calls/deep/er/join', post({ words: ['a', 'b'] })), 'a-b');
  assert.equal(await call('calls/deep.er.join', post({ words: ['a', 'b'] })), 'a-b');
  assert.equal(await call('calls/answer'), 42);
  assert.equal(await call('calls/nothing'), null);
});

test('bytes come as they are', async () => {
  assert.deepEqual([...(await ask('services/calls/raw')).body], [0, 255]);
});

test('an error is told', async () => {
  const { status, text: body } = await ask('services/calls/fail');
  assert.equal(status, 400);
  assert.match(JSON.parse(body).detail, /no luck/);
});

test('a generator is streamed, and its error is the last line', async () => {
  const { headers, text: counted } = await ask('services/calls/countTo?limit=3');
  assert.equal(headers.get('content-type'), 'application/x-ndjson');
  assert.equal(counted, '1\n2\n3\n');
  const lines = (await ask('services/calls/failLater')).text.trimEnd().split('\n').map((l) => JSON.parse(l));
  assert.equal(lines.length, 2);
  assert.equal(lines[1].type, 'error');
  assert.match(lines[1].error, /no more/);
});

test('the provider is told who asks', async () => {
  assert.deepEqual(await call('told/who', { token: mint('ws-js') }), { ws: 'ws-js', user: 'alice' });
  assert.deepEqual(await call('told/who', { token: mint('ws-b', 'bob') }), { ws: 'ws-b', user: 'bob' });
});

test('a site of functions', async () => {
  const index = await ask('apps/site/');
  assert.equal(index.text, '<p>hello');
  assert.equal(index.headers.get('content-type'), 'text/html');
  const hello = await ask('apps/site/hello?a=1&b=2');
  assert.deepEqual([hello.status, hello.text, hello.headers.get('x-app')], [201, 'hello a=1&b=2', 'yes']);
  assert.deepEqual([...(await ask('apps/site/bytes')).body], [0, 255]);
  assert.equal((await ask('apps/site/mirror', { method: 'POST', body: 'žluť' })).text, 'žluť');
  assert.equal((await ask('apps/site/deep/er')).text, 'deep/er');
  const none = await ask('apps/site/none');
  assert.deepEqual([none.status, JSON.parse(none.text).detail], [404, 'Function not found: none']);
  const fail = await ask('apps/site/fail');
  assert.equal(fail.status, 500);
  assert.match(fail.text, /out of order/);
});

test('an ASGI app', async () => {
  const hello = await ask('apps/app/hello');
  assert.deepEqual([hello.status, hello.text, hello.headers.get('x-app')], [200, 'GET /hello 0', 'yes']);
  assert.equal((await ask('apps/app/up', { method: 'PUT', body: 'abc' })).text, 'PUT /up 3');
  assert.equal((await ask('apps/app/404')).status, 404);
});

test('an ASGI app goes on after its answer', async () => {
  await ask('apps/app/tidy');
  await until(() => tidied.includes('/tidy'), 'the end of the app');
  assert.equal(tidied[tidied.indexOf('/tidy') + 1], 'http.disconnect');
});

test('a service that is neither serves no requests', async () => {
  assert.equal((await ask('apps/calls/sayHello')).status, 404);
});
