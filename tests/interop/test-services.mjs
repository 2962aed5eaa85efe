// SPDX-License-Identifier: MIT
// Services between stock clients: offering, finding, calling, and what happens when they go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, leave, refusal, timed, until } from './stock.mjs';

const AT_ONCE_MS = 1_000;

const calculator = {
  id: 'calculator',
  name: 'Calculator',
  description: 'adds and fails',
  add: (a, b) => a + b,
  deep: { er: { join: (...words) => words.join('-') } },
  fail: () => { throw new Error('the sum is too long: 🍄'); },
  failLater: async () => { throw new TypeError('not today'); },
  forEach: async (items, callback) => {
    const answers = [];
    for (const item of items) answers.push(await callback(item));
    return answers;
  },
  async* countTo(limit) { for (let i = 1; i <= limit; i += 1) yield i; },
  nothing: () => undefined,
};

const provider = await connect('ws-a', { client_id: 'provider' });
const consumer = await connect('ws-a', { client_id: 'consumer' });
const registered = await provider.registerService(calculator);
const service = await consumer.getService('calculator');

const list = async (api, query) => (await api.listServices(query)).map((info) => info.id.split('@')[0]);

test('registering answers with the full id', () => {
  assert.equal(registered.id.split('@')[0], 'ws-a/provider:calculator');
});

test('a service is listed with what it said of itself', async () => {
  const found = (await consumer.listServices()).filter((info) => /:calculator(@|$)/.test(info.id));
  assert.equal(found.length, 1);
  assert.equal(found[0].name, 'Calculator');
  assert.equal(found[0].description, 'adds and fails');
  assert.equal(found[0].config.visibility, 'protected');
  assert.equal(found[0].config.workspace, 'ws-a');
});

test('a service is found by each form of its id', async () => {
  for (const id of ['calculator', 'provider:calculator', 'ws-a/provider:calculator', 'ws-a/*:calculator'])
    assert.equal(await (await consumer.getService(id)).add(20, 22), 42, id);
});

test('a list is narrowed by type, id and visibility', async () => {
  await provider.registerService({ id: 'typed', type: 'of-a-kind', config: { visibility: 'public' }, f: () => 1 });
  for (const query of [{ type: 'of-a-kind' }, { id: 'typ*' }, { type: 'of-a-kind', visibility: 'public' }])
    assert.deepEqual(await list(consumer, query), ['ws-a/provider:typed'], JSON.stringify(query));
  assert.deepEqual(await list(consumer, { workspace: 'ws-a', type: 'of-a-kind', visibility: 'protected' }), []);
  await provider.unregisterService('typed');
});

test('a workspace that does not exist lists nothing', async () => {
  assert.deepEqual(await list(consumer, { workspace: 'ws-nowhere' }), []);
});

test('a call is answered', async () => assert.equal(await service.add(1, 2), 3));

test('a nested function is called', async () => {
  assert.equal(await service.deep.er.join('a', 'b', 'c'), 'a-b-c');
});

test('a function without a result gives nothing', async () => {
  assert.equal((await service.nothing()) ?? null, null);
});

test('many calls at once are each answered with their own', async () => {
  const sums = await Promise.all(Array.from({ length: 500 }, (_, i) => service.add(i, i)));
  assert.deepEqual(sums, Array.from({ length: 500 }, (_, i) => 2 * i));
});

test('a callback is called with each item', async () => {
  const answers = await service.forEach([1, 2, 3], (item) => item * 10);
  assert.deepEqual(answers, [10, 20, 30]);
});

test('an error of a callback comes back', async () => {
  const message = await refusal(service.forEach([1], () => { throw new Error('the caller says no'); }));
  assert.match(message, /the caller says no/);
});

test('a generator gives its items', async () => {
  const items = [];
  for await (const item of await service.countTo(5)) items.push(item);
  assert.deepEqual(items, [1, 2, 3, 4, 5]);
});

test('an error of the service arrives with its message', async () => {
  assert.match(await refusal(service.fail()), /the sum is too long: 🍄/);
  assert.match(await refusal(service.failLater()), /not today/);
});

test('a service that does not exist is null, at once', async () => {
  for (const id of ['no-such-service', 'ws-a/nobody:nothing', 'ws-nowhere/nobody:nothing']) {
    const { value, ms } = await timed(consumer.getService(id));
    assert.equal(value, null, id);
    assert.ok(ms < AT_ONCE_MS, `${id} took ${ms} ms`);
  }
});

test('a manager method that does not exist is not offered', () => {
  assert.equal(typeof consumer.noSuchMethod, 'undefined');
});

test('log and its kin answer nothing', async () => {
  for (const level of ['log', 'info', 'warning', 'error', 'critical'])
    assert.equal((await consumer[level]('a line from the interop tests')) ?? null, null);
});

test('registering again replaces the service', async () => {
  await provider.registerService({ id: 'changing', version: () => 1 });
  await provider.registerService({ id: 'changing', version: () => 2 }, { overwrite: true });
  assert.equal(await (await consumer.getService('changing')).version(), 2);
  assert.equal((await list(consumer)).filter((id) => id.endsWith(':changing')).length, 1);
});

test('unregistering takes the service away', async () => {
  await provider.registerService({ id: 'passing', hello: () => 'hello' });
  assert.ok((await list(consumer)).includes('ws-a/provider:passing'));
  await provider.unregisterService('passing');
  assert.ok(!(await list(consumer)).includes('ws-a/provider:passing'));
  assert.equal(await consumer.getService('passing'), null);
});

test('a service for somebody else cannot be registered', async () => {
  const manager = await consumer.rpc.get_remote_service('*/workspace-manager:default');
  const evil = { id: 'ws-a/provider:evil', name: 'evil', type: 'generic', config: {} };
  assert.match(await refusal(manager.register_service(evil)), /[Pp]ermission denied/);
  assert.ok(!(await list(consumer)).includes('ws-a/provider:evil'));
});

test('a public service is found and called from another workspace', async () => {
  await provider.registerService({ id: 'open', config: { visibility: 'public' }, hello: (name) => `hello ${name}` });
  for (const stranger of [await connect('ws-b'), await connect(null)]) {
    assert.ok((await list(stranger, { workspace: 'ws-a' })).includes('ws-a/provider:open'));
    const open = await stranger.getService('ws-a/provider:open');
    assert.equal(await open.hello('stranger'), 'hello stranger');
  }
});

test('a long message goes to another workspace in pieces, and its answer comes back so', async () => {
  await provider.registerService({ id: 'mirror', config: { visibility: 'public' }, show: (bytes) => bytes });
  const stranger = await connect('ws-b');
  const mirror = await stranger.getService('ws-a/provider:mirror');
  const sent = new Uint8Array(1 << 20).map((_, i) => i * 31);
  assert.deepEqual(new Uint8Array(await mirror.show(sent)), sent);
});

test('a protected service is neither listed nor given to another workspace', async () => {
  const stranger = await connect('ws-b');
  assert.ok(!(await list(stranger, { workspace: 'ws-a' })).includes('ws-a/provider:calculator'));
  assert.match(await refusal(stranger.getService('ws-a/provider:calculator')), /[Pp]ermission denied/);
});

test('the caller\'s identity cannot be chosen by the caller', async () => {
  await provider.registerService({
    id: 'who', config: { visibility: 'public', require_context: true },
    ask: (context) => ({ ws: context.ws, from: context.from, user: context.user.id }),
  });
  const stranger = await connect('ws-b', { client_id: 'stranger' });
  const who = await stranger.getService('ws-a/provider:who');
  assert.deepEqual(await who.ask(), { ws: 'ws-b', from: 'ws-b/stranger', user: 'alice' });
});

test('an unlisted service is called by those who know it', async () => {
  await provider.registerService({ id: 'hidden', config: { visibility: 'unlisted' }, hello: () => 'you knew' });
  const stranger = await connect('ws-b');
  assert.ok(!(await list(stranger, { workspace: 'ws-a' })).includes('ws-a/provider:hidden'));
  assert.equal(await (await stranger.getService('ws-a/provider:hidden')).hello(), 'you knew');
});

test('an authorised workspace gets a protected service, another does not', async () => {
  const config = { visibility: 'protected', authorized_workspaces: ['ws-b'] };
  await provider.registerService({ id: 'shared', config, hello: () => 'welcome' });
  const invited = await connect('ws-b');
  assert.equal(await (await invited.getService('ws-a/provider:shared')).hello(), 'welcome');
  const stranger = await connect('ws-c');
  assert.match(await refusal(stranger.getService('ws-a/provider:shared')), /[Pp]ermission denied/);
});

test('a call to a client that has gone fails within a second', async () => {
  const passing = await connect('ws-a', { client_id: 'passing' });
  await passing.registerService({ id: 'brief', hello: () => 'hello', never: () => new Promise(() => {}) });
  const brief = await consumer.getService('ws-a/passing:brief');
  assert.equal(await brief.hello(), 'hello');
  const pending = refusal(brief.never(), 5_000);
  const left = performance.now();
  await leave(passing);
  await pending;
  assert.ok(performance.now() - left < AT_ONCE_MS, 'the call that was under way took too long to fail');
  const { ms } = await timed(refusal(brief.hello()));
  assert.ok(ms < AT_ONCE_MS, `the refusal took ${ms} ms`);
});

test('the services of a client that has gone are gone', async () => {
  const passing = await connect('ws-a', { client_id: 'leaving' });
  await passing.registerService({ id: 'left', hello: () => 'hello' });
  assert.ok((await list(consumer)).includes('ws-a/leaving:left'));
  await leave(passing);
  await until(async () => !(await list(consumer)).some((id) => id.startsWith('ws-a/leaving:')),
    'the removal of the services');
});

test('a client that comes back under its id is called again', async () => {
  const first = await connect('ws-a', { client_id: 'returning' });
  await first.registerService({ id: 'turn', which: () => 'first' });
  await leave(first);
  const second = await connect('ws-a', { client_id: 'returning' });
  await second.registerService({ id: 'turn', which: () => 'second' });
  assert.equal(await (await consumer.getService('ws-a/returning:turn')).which(), 'second');
});
