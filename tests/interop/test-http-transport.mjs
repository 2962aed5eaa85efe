// SPDX-License-Identifier: MIT
// The stock JavaScript client over plain HTTP: nothing works differently.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connect, leave, refusal, timed, until, url } from './stock.mjs';
import { mint } from './tokens.mjs';

const AT_ONCE_MS = 1_000;
const LONG_MS = 30_000;

// Leaving, the client drops the promise of a cancelled reader, which Node takes for a crash; and if
// it leaves in its first two seconds, it starts to renew its token afterwards, for ever.
const NEVER = -1;

// A result that comes in before the word that its call was sent leaves the clock of the call running,
// half a minute of it, before Node ends; so the clocks that are left do not count here.
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, ms, ...rest) => {
  const timer = setTimeout(callback, ms, ...rest);
  return ms >= LONG_MS ? timer.unref() : timer;
};

// Node 18 keeps the connection of a fetch that was given up.
after(() => globalThis[Symbol.for('undici.globalDispatcher.1')]?.destroy());

async function connectHttp(workspace = 'ws-http', options = {}) {
  const api = await connect(workspace, {
    transport: 'http', token_refresh_interval: NEVER, ...options,
  });
  const connection = api.rpc._connection;
  const disconnect = connection.disconnect.bind(connection);
  connection.disconnect = (reason) => {
    const reader = connection._reader;
    const cancel = reader?.cancel.bind(reader);
    if (reader) reader.cancel = () => cancel().catch(() => {});
    return disconnect(reason);
  };
  return api;
}

const service = (id, functions) => ({ id, config: { visibility: 'protected' }, ...functions });
const pattern = (size) => Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);

test('a token leads into its workspace', async () => {
  const api = await connectHttp('ws-http', { client_id: 'over-http' });
  assert.equal(api.config.workspace, 'ws-http');
  assert.equal(api.config.client_id, 'over-http');
  assert.equal(api.config.public_base_url, url);
  assert.equal(api.config.user.id, 'alice');
  assert.equal(await api.echo('hello'), 'hello');
});

test('anonymous gets a workspace of its own', async () => {
  const api = await connectHttp(null);
  assert.match(api.config.workspace, /^anonymous-/);
  assert.deepEqual(await api.echo([1, { two: null }]), [1, { two: null }]);
});

for (const [name, provide, consume] of [
  ['HTTP serves a WebSocket', connectHttp, connect],
  ['a WebSocket serves HTTP', connect, connectHttp],
  ['HTTP serves HTTP', connectHttp, connectHttp],
]) {
  test(name, async () => {
    const [provider, consumer] = await Promise.all([provide('ws-http'), consume('ws-http')]);
    const id = name.replaceAll(' ', '-');
    await provider.registerService(service(id, {
      add: (a, b) => a + b,
      call: async (f) => f(20),
      fail: () => { throw new Error('as it should'); },
      reverse: (bytes) => Uint8Array.from(bytes).reverse(),
      async *count(n) { for (let i = 0; i < n; i++) yield i; },
      later: (f) => { setTimeout(() => f('later'), 10); },
    }));
    const remote = await consumer.getService(id);

    assert.equal(await remote.add(2, 3), 5);
    assert.equal(await remote.call((x) => x * 2), 40);
    assert.match(await refusal(remote.fail()), /as it should/);

    const counted = [];
    for await (const i of await remote.count(5)) counted.push(i);
    assert.deepEqual(counted, [0, 1, 2, 3, 4]);

    const bytes = pattern(300 * 1024);
    assert.deepEqual(await remote.reverse(bytes), bytes.slice().reverse());

    const sums = await Promise.all(Array.from({ length: 100 }, (_, i) => remote.add(i, i)));
    assert.deepEqual(sums, Array.from({ length: 100 }, (_, i) => 2 * i));
    await provider.unregisterService(id);
  });
}

test('64 MiB there and back', async () => {
  const [provider, consumer] = await Promise.all([connectHttp(), connectHttp()]);
  await provider.registerService(service('big', { same: (bytes) => bytes }));
  const remote = await consumer.getService('big');
  const bytes = new Uint8Array(64 * 1024 * 1024).fill(7);
  const { value } = await timed(remote.same(bytes), 60_000);
  assert.equal(value.length, bytes.length);
  assert.equal(Buffer.compare(value, bytes), 0);
});

test('the token for coming back is renewed', async () => {
  const api = await connectHttp('ws-http', { token_refresh_interval: undefined });
  const connection = api.rpc._connection;
  const first = connection._reconnection_token;
  assert.ok(first);
  await until(() => connection._reconnection_token !== first, 'a new token');
});

test('who leaves is gone at once, and so is what it served', async () => {
  const [provider, consumer] = await Promise.all([connectHttp(), connectHttp()]);
  let stopWaiting;
  const wait = () => new Promise((resolve) => { stopWaiting = resolve; });
  await provider.registerService(service('short-lived', { wait }));
  const remote = await consumer.getService('short-lived');
  const waiting = refusal(remote.wait());
  await until(() => stopWaiting, 'the call');
  await leave(provider);
  const { ms } = await timed(waiting);
  assert.ok(ms < AT_ONCE_MS, `${ms} ms`);
  assert.equal(await consumer.getService('short-lived').catch(() => null), null);

  // Or the client, which has left, would send heartbeats for ever; and of course it cannot.
  provider.rpc._emit_message = async () => {};
  stopWaiting();
});

// Not with the stock client, which would go on asking for as long as the process lives.
test('a bad token is refused', async () => {
  const token = mint('ws-http', 'alice', { secret: 'not the secret of this server, but as long' });
  const answer = await fetch(`${url}/rpc?client_id=bad`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 401);
  assert.match((await answer.json()).detail, /Invalid signature/);
});

test('a client id in use is refused to another user, and its holder keeps working', async () => {
  const holder = await connectHttp('ws-http', { client_id: 'taken' });
  const answer = await fetch(`${url}/rpc?client_id=taken&workspace=ws-http`, {
    headers: { Authorization: `Bearer ${mint('ws-http', 'mallory')}` },
  });
  assert.equal(answer.status, 409);
  assert.match((await answer.json()).detail, /already exists and is active/);
  assert.equal(await holder.echo('still here'), 'still here');
});

test('nobody speaks for a client by its address', async () => {
  const holder = await connectHttp('ws-http', { client_id: 'spoken-for' });
  const forge = async (token) => (await fetch(`${url}/rpc?client_id=spoken-for&workspace=ws-http`, {
    method: 'POST',
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    body: Uint8Array.from([0x81, 0xa4, ...Buffer.from('type'), 0xa4, ...Buffer.from('ping')]),
  })).status;
  assert.equal(await forge(), 401);
  assert.equal(await forge('a.b.c'), 401);
  assert.equal(await forge(mint('ws-http', 'mallory')), 403);
  assert.equal(await forge(mint('ws-other', 'alice')), 403);
  assert.equal(await forge(mint('ws-http', 'alice')), 200);
  assert.equal(await holder.echo('still here'), 'still here');
});
