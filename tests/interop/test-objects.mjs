// SPDX-License-Identifier: MIT
// The service of an in-process client, with everything that its object model can do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, leave, refusal, timed, until } from './stock.mjs';

const OBJECTS = 'default/root:objects';
const AT_ONCE_MS = 1_000;
const NOTHING = { pending: 0, serving: 0, sessions: 0, interfaces: 0, generators: 0, callbacks: 0 };
const NOT_FOUND = 7;
const MEBIBYTE = 1024 * 1024;

const api = await connect('ws-objects', { client_id: 'asker' });
const objects = await api.getService(OBJECTS);

function bytes(length) {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) data[i] = i & 0xff;
  return data;
}

// Each test leaves nothing behind, or not for long.
async function clean() {
  let left;
  await until(async () => {
    left = await objects.left();
    return JSON.stringify(Object.entries(left).sort()) === JSON.stringify(Object.entries(NOTHING).sort());
  }, 'cleaning up').catch((error) => { throw new Error(`${error.message}: ${JSON.stringify(left)}`); });
}

test('the service is found with its values', async () => {
  assert.equal(objects.answer, 42);
  assert.deepEqual(objects.nested.words, ['one', 'two']);
  assert.equal(objects.list.length, 2);
  assert.equal(await objects.nested.deep.echo('deep'), 'deep');
  assert.equal(await objects.list[1]('listed'), 'listed');
});

test('it is listed with its schema', async () => {
  const [info] = (await api.listServices('default')).filter(({ id }) => id.includes(':objects'));
  assert.equal(info.name, 'Objects');
  assert.equal(info.service_schema.call_back.type, 'function');
  assert.deepEqual(Object.keys(info.service_schema.call_back.function.parameters.properties),
    ['function', 'times', 'value']);
  assert.equal(info.service_schema.answer.type, 'number');
});

test('a callback is called as often as was said', async () => {
  const seen = [];
  const answers = await objects.call_back((value) => { seen.push(value); return seen.length; }, 5, 'x');
  assert.deepEqual(answers, [1, 2, 3, 4, 5]);
  assert.deepEqual(seen, ['x', 'x', 'x', 'x', 'x']);
  await clean();
});

test('a callback may be slow', async () => {
  const answers = await objects.call_back(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return 'late';
  });
  assert.deepEqual(answers, ['late']);
});

test('the error of a callback comes back', async () => {
  const text = await refusal(objects.call_back(() => { throw new RangeError('too many mushrooms'); }));
  assert.match(text, /too many mushrooms/);
  await clean();
});

test('a callback is given a callback of ours', async () => {
  assert.equal(await objects.nest(async (double) => (await double(10)) + (await double(11))), 42);
  await clean();
});

test('a function that a callback answers with is called', async () => {
  assert.equal(await objects.curry((a) => (b) => a * b, 6, 7), 42);
  await clean();
});

test('callbacks of many calls at once are not mixed up', async () => {
  const answers = await Promise.all(Array.from({ length: 50 },
    (_, i) => objects.call_back((value) => [i, value], 2, i)));
  answers.forEach((answer, i) => assert.deepEqual(answer, [[i, i], [i, i]]));
  await clean();
});

test('a generator of ours comes to its end', async () => {
  const items = [];
  for await (const item of await objects.count(5)) items.push(item);
  assert.deepEqual(items, [0, 1, 2, 3, 4]);
  await clean();
});

test('a generator of ours is abandoned', async () => {
  for await (const item of await objects.count(1000)) if (item === 2) break;
  await clean();
});

test('a generator of ours fails', async () => {
  const items = [];
  const text = await refusal((async () => {
    for await (const item of await objects.count(10, 3)) items.push(item);
  })());
  assert.match(text, /failed at 3/);
  assert.deepEqual(items, [0, 1, 2]);
  await clean();
});

test('a generator of theirs comes to its end', async () => {
  async function* count() { for (let i = 1; i <= 4; i += 1) yield i; }
  assert.equal(await objects.sum(count()), 10);
  await clean();
});

test('a generator of theirs is abandoned', async () => {
  let closed = false;
  function* count() {
    try {
      for (let i = 1; ; i += 1) yield i;
    } finally {
      closed = true;
    }
  }
  assert.equal(await objects.sum(count(), 3), 6);
  await until(() => closed, 'closing the generator');
  await clean();
});

test('a generator of theirs fails', async () => {
  async function* count() { yield 1; throw new Error('out of numbers'); }
  assert.match(await refusal(objects.sum(count())), /out of numbers/);
  await clean();
});

test('an object of ours outlives the call, until it is disposed of', async () => {
  const lent = await objects.lend();
  assert.equal(lent.answer, 42);
  assert.equal(await lent.hello('you'), 'hello you');
  assert.equal(await lent.hello('again'), 'hello again');
  assert.equal((await objects.left()).interfaces, 1);
  await lent._dispose();
  assert.match(await refusal(lent.hello('late')), /not found/);
  await clean();
});

test('an object of ours goes with the client that it was lent to', async () => {
  const other = await connect('ws-objects', { client_id: 'borrower' });
  const lent = await (await other.getService(OBJECTS)).lend();
  assert.equal(await lent.hello('you'), 'hello you');
  await leave(other);
  await clean();
});

test('an object of theirs outlives the call, until we dispose of it', async () => {
  assert.equal(await objects.keep({ _rintf: true, hello: (name) => `bonjour ${name}` }), true);
  assert.equal(await objects.use_kept('you'), 'bonjour you');
  assert.equal(await objects.use_kept('all'), 'bonjour all');
  await objects.dispose_kept();
  // Calling it again would leave the stock client beating for ever.
  await until(() => !Object.keys(api.rpc._services).some((id) => id.includes('_rintf_')), 'disposing');
  await clean();
});

test('a call that takes longer than the time-out is kept alive', async () => {
  const other = await connect('ws-objects', { client_id: 'patient', method_timeout: 1 });
  const { value, ms } = await timed((await other.getService(OBJECTS)).slow(3));
  assert.equal(value, 'awake');
  assert.ok(ms >= 2900);
  await leave(other);
  await clean();
});

test('an error has its text and its class', async () => {
  const error = await objects.fail(NOT_FOUND).then(() => null, (reason) => reason);
  assert.match(error.message, /überall Pilze/);
});

test('keywords are put in their places', async () => {
  assert.deepEqual(await objects.keywords({ b: 2, _rkwargs: true }), { a: null, b: 2, c: null });
  assert.deepEqual(await objects.keywords(1, { c: 3, _rkwargs: true }), { a: 1, b: null, c: 3 });
  assert.deepEqual(await objects.keywords(1, 2), { a: 1, b: 2, c: null });
});

test('the context is the word of the router', async () => {
  const context = await objects.who();
  assert.equal(context.from, 'ws-objects/asker');
  assert.equal(context.ws, 'ws-objects');
  assert.equal(context.connection_type, 'websocket');
  assert.equal(context.user.id, 'alice');
});

test('values that are more than plain ones arrive', async () => {
  const special = await objects.special();
  assert.equal(special.matrix._rtype, 'ndarray');
  assert.deepEqual(special.matrix._rshape, [2, 2]);
  assert.deepEqual([...special.typed], [1.5, -2, 3, 4]);
  assert.equal(special.view.byteLength, 16);
  assert.deepEqual([...special.set], ['a', 'b']);
  assert.deepEqual([...special.map], [['a', 1]]);
  assert.equal(new Date(special.when).toISOString(), '2026-11-22T08:00:00.123Z');
});

test('values that are more than plain ones are read', async () => {
  assert.deepEqual(await objects.measure(new Float64Array(3)), { dtype: 'float64', shape: [3], size: 24 });
  assert.equal(await objects.year(new Date('1969-12-31T23:00:00Z')), 1969);
  assert.equal(await objects.year(new Date('2026-11-22T08:00:00.123Z')), 2026);
  assert.match(await refusal(objects.measure('text')), /not a valid array/);
});

test('files are Blobs on both sides', async () => {
  const file = await objects.file(1000);
  assert.ok(file instanceof Blob);
  assert.equal(file.type, 'application/octet-stream');
  assert.deepEqual(new Uint8Array(await file.arrayBuffer()), bytes(1000));
  assert.equal(await objects.text_of(new Blob(['über Pilze'], { type: 'text/plain' })), 'über Pilze');
  assert.equal(await objects.text_of(new Blob(['0123456789']), 3), '3456789');
  await clean();
});

test('values that nobody looks into come back as they went', async () => {
  const typed = await objects.echo(new Int16Array([1, -2]));
  assert.deepEqual([...typed], [1, -2]);
  assert.deepEqual([...(await objects.echo(new Set([1, 'b'])))], [1, 'b']);
  assert.deepEqual([...(await objects.echo(new Map([['k', [1]]])))], [['k', [1]]]);
  const date = new Date('2026-11-22T08:00:00.123Z');
  assert.equal(new Date(await objects.echo(date)).getTime(), date.getTime());
  assert.deepEqual(await objects.echo({ _rtype: 'own-codec', x: [1, null] }), { _rtype: 'own-codec', x: [1, null] });
});

// After a long call the stock client keeps a timer of its time-out, answered or not.
const hurried = await connect('ws-objects', { client_id: 'hurried', method_timeout: 5 });
for (const length of [300 * 1024, 64 * MEBIBYTE]) {
  test(`${length} bytes go there`, async () => {
    assert.equal(await (await hurried.getService(OBJECTS)).size(bytes(length)), length);
  });

  test(`${length} bytes come back`, async () => {
    const answer = await objects.blob(length);
    assert.equal(answer.length, length);
    assert.ok(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength)
      .equals(Buffer.from(bytes(length).buffer)), 'the bytes differ');
    await clean();
  });
}

test('a callback is given and gives 300 KiB', async () => {
  const data = bytes(300 * 1024);
  const [answer] = await objects.call_back((value) => value, 1, data);
  assert.ok(Buffer.from(answer).equals(Buffer.from(data)));
  await clean();
});

test('nothing is left of a client that dies in the middle of everything', async () => {
  const leaver = spawn(process.execPath, [fileURLToPath(new URL('leaver.mjs', import.meta.url))],
    { stdio: ['ignore', 'inherit', 'inherit'] });
  await until(async () => {
    const { generators, interfaces, callbacks } = await objects.left();
    // One function of the object, one for the nested call.
    return generators === 1 && interfaces === 1 && callbacks === 2;
  }, 'getting into the middle of everything');
  const start = performance.now();
  leaver.kill('SIGKILL');
  await once(leaver, 'exit');
  await clean();
  assert.ok(performance.now() - start < 5 * AT_ONCE_MS);
});

test('somebody else cannot call what was lent', async () => {
  const other = await connect('ws-objects', { client_id: 'thief' });
  const lent = await objects.lend();
  const id = lent._rintf_service_id;
  const text = await refusal(other.rpc._generate_remote_method(
    { _rtype: 'method', _rtarget: 'default/root', _rmethod: `services.${id}.hello`, _rpromise: true })('x'));
  assert.match(text, /Permission denied for _rintf callback/);
  await lent._dispose();
  await leave(other);
  await clean();
});
