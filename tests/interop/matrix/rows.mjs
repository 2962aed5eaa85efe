// SPDX-License-Identifier: MIT
// The rows of the matrix in JavaScript: what a provider offers, and what a consumer does with it.
// Runs in Node and in a page, with any version of the client; rows.py is the same in Python.
// Every function is async: the old client loses what a plain one throws.

import { check, PLAIN, same, SAMPLES, show } from './values.mjs';

const AT_ONCE_MS = 1_000;
const DEADLINE_MS = 20_000;
const KIB_300 = 300 * 1024;
const MIB_64 = 64 * 1024 * 1024;

function bytes(size) {
  const block = new Uint8Array(size);
  for (let i = 0; i < size; i += 1) block[i] = (i * 31 + (i >> 16)) & 0xff;
  return block;
}

function sum(block) {
  let total = 0;
  for (let i = 0; i < block.length; i += 1) total = (total * 33 + block[i]) % 0x7fffffff;
  return total;
}

function within(promise, limit, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing in ${limit} ms`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function refusal(promise, pattern, limit = DEADLINE_MS) {
  const caught = await within(promise.then(() => null, (error) => error ?? 'nothing'), limit, `no ${pattern}`);
  check(caught !== null, `it was answered, but should fail with ${pattern}`);
  const text = String(caught.message ?? caught);
  check(pattern.test(text), `it failed with “${text.slice(0, 300)}”, not ${pattern}`);
}

async function until(condition, what) {
  const deadline = Date.now() + DEADLINE_MS;
  while (!await condition()) {
    check(Date.now() < deadline, `${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Members that take and give long messages: a service needs functions of its own.
const blocks = () => ({
  size: async (block) => [block.length, sum(block)],
  make: async (size) => bytes(size),
});

// A stream: a Blob here, which becomes one again in JavaScript, and elsewhere what it can be read with.
const stream = (text) => new Blob([text]);

// The text of one, in two parts: where the first ends, the second begins.
async function drain(source) {
  const parts = source instanceof Blob
    ? [source.slice(0, 5), source.slice(5)].map(async (part) => new Uint8Array(await part.arrayBuffer()))
    : [await source.read(5), await source.read()];
  return (await Promise.all(parts)).map((part) => new TextDecoder().decode(part));
}

// The provider --------------------------------------------------------------------------------

// Makes the services with which every row works; `me` is the agent they belong to.
export async function provide(me, api) {
  const kept = {};
  const guests = {};
  const closed = new Set();

  async function* count(limit, slot) {
    try {
      for (let i = 0; i < limit; i += 1) yield i;
    } finally {
      closed.add(slot);
    }
  }

  async function* broken(after) {
    for (let i = 0; i < after; i += 1) yield i;
    throw new Error('the generator broke');
  }

  // What a guest of the provider has as well.
  const common = () => ({
    ...blocks(),
    add: async (a, b) => a + b,
    apply: async (callback, value) => callback(value),
    fail: async (why) => { throw new Error(why); },
    count: async (limit, slot) => count(limit, slot),
    closed: async (slot) => closed.has(slot),
  });

  const service = {
    id: 'matrix',
    name: 'Matrix',
    description: 'what every row of the matrix calls',
    ...common(),
    deep: { er: { join: async (...words) => words.join('-') } },
    echo: async (value) => value,
    show: async (value) => show(value),
    sample: async (name) => SAMPLES[name](),
    named: async (first, second, third) => [first, second, third],
    // Hands the callback a callback of its own, which it may call while it runs.
    nest: async (callback, value) => callback(value, async (x) => x * 2),
    each: async (callback, n) =>
      Promise.all(Array.from({ length: n }, (_, i) => callback(i))),
    keep: async (slot, object) => { kept[slot] = object; },
    poke: async (slot, value) => kept[slot].hello(value),
    drop: async (slot) => { await kept[slot]._dispose(); },
    give: async (name) => ({ _rintf: true, hello: async (value) => `${name} says ${value}` }),
    broken: async (after) => broken(after),
    drain,
    stream: async (text) => stream(text),
    slow: async (ms) => { await later(ms); return ms; },
    // Stops everything here for a while, heartbeats included, once this call is answered.
    freeze: async (ms) => {
      setTimeout(() => { for (const end = Date.now() + ms; Date.now() < end;); }, 100);
    },
    publish: async (id, config, value) => {
      const info = await api.registerService({ id, config, value: async () => value }, { overwrite: true });
      return info.id.split('@')[0];
    },
    withdraw: async (id) => { await api.unregisterService(id); },
    host: async (name, options) => {
      guests[name] = await me.fresh('ws-matrix', options);
      const never = async () => new Promise(() => {});
      const lend = async () => ({ _rintf: true, hello: async (value) => value });
      const info = await guests[name].registerService({ id: name, never, lend, ...common() });
      return info.id.split('@')[0];
    },
    leave: async (name) => { await guests[name].disconnect(); },
    token: async () => api.generateToken({ expires_in: 60 }),
    trust: async (id, key) => provideSealed(await me.client('ws-matrix', { encryption: true }), id, key),
  };
  await api.registerService(service, { overwrite: true });
  const config = { visibility: 'public', require_context: true };
  await api.registerService({
    id: 'context',
    config,
    who: async (context) => [context.ws, context.from, context.user.id, context.to],
  }, { overwrite: true });
  await api.registerService({
    id: 'open', config: { visibility: 'public' }, ...blocks(), apply: async (callback, value) => callback(value),
  }, { overwrite: true });
}

// A service of a client that encrypts, for one consumer's key; answers with the provider's key.
async function provideSealed(api, id, key) {
  for (const [suffix, config] of [['', {}], ['-trusted', { trusted_keys: [key] }]]) {
    await api.registerService({
      id: `${id}${suffix}`,
      config: { visibility: 'public', ...config },
      ...blocks(),
      secret: async (callback, value) => callback(`${value}, sealed`),
    }, { overwrite: true });
  }
  return { client: api.config.client_id, key: api.rpc.getPublicKey() };
}

// The consumer --------------------------------------------------------------------------------

const ids = async (api, query) => (await api.listServices(query)).map((info) => info.id.split('@')[0]);

// Uses the provider's service over HTTP, and then that of a guest of it who is behind HTTP as well.
async function overHttp({ me, at, service, name, wanted }, use) {
  const streaming = await me.client('ws-matrix', { transport: 'http' });
  await use(await streaming.getService(`${at}:matrix`), `${name}, on a socket`);
  if (!wanted(['a provider over HTTP'])) return;
  await use(await streaming.getService(await service.host(name, { transport: 'http' })), name);
  await service.leave(name);
}

// Each row gets: service, the provider's `matrix`; api, the consumer; at, the provider's
// “workspace/client”; name, unique for this pair; wanted, which values take part; client(workspace, options), one more client.
export const rows = {
  connect: async ({ api, me }) => {
    check(api.config.workspace === 'ws-matrix', `in ${api.config.workspace}`);
    check(api.config.client_id === me.clientId, `as ${api.config.client_id}`);
    check(api.config.user.id === 'alice', `for ${api.config.user.id}`);
    const anonymous = await me.fresh(null);
    check(/^anonymous-/.test(anonymous.config.workspace), anonymous.config.workspace);
    await anonymous.disconnect();
  },

  'refused with a bad token': async ({ me }) =>
    refusal(me.fresh('ws-matrix', { token: 'a.b.c' }), /oken/),

  'register, update, unregister': async ({ api, service, at, name }) => {
    const id = await service.publish(name, {}, 1);
    check(id === `${at}:${name}`, id);
    check((await ids(api)).includes(id), 'it is not listed');
    check(await (await api.getService(id)).value() === 1, 'not the first value');
    await service.publish(name, {}, 2);
    check((await ids(api)).filter((other) => other === id).length === 1, 'listed more than once');
    check(await (await api.getService(id)).value() === 2, 'not the second value');
    await service.withdraw(name);
    check(!(await ids(api)).includes(id), 'still listed');
    check(await api.getService(id) === null, 'still found');
  },

  list: async ({ api, at }) => {
    const found = (await api.listServices()).filter((info) => info.id.split('@')[0] === `${at}:matrix`);
    check(found.length === 1, `${found.length} are listed`);
    same([found[0].name, found[0].description, found[0].config.visibility, found[0].config.workspace],
      ['Matrix', 'what every row of the matrix calls', 'protected', 'ws-matrix'], 'what it says');
  },

  get: async ({ api, at }) => {
    const client = at.split('/')[1];
    for (const id of [`${client}:matrix`, `${at}:matrix`]) {
      check(await (await api.getService(id)).add(40, 2) === 42, id);
    }
    check(await api.getService(`${at}:nothing`) === null, 'found what is not there');
    check(await api.getService('ws-matrix/nobody:nothing') === null, 'found what is not there');
  },

  'nested members': async ({ service }) => {
    same(await service.deep.er.join('a', 'b', 'c'), 'a-b-c', 'deep.er.join');
  },

  'plain values': async ({ service, wanted }) => {
    for (const [name, value] of Object.entries(PLAIN).filter(wanted)) same(await service.echo(value), value, name);
  },

  'values of a type, there': async ({ service, wanted }) => {
    for (const [name, make] of Object.entries(SAMPLES).filter(wanted)) {
      same(await service.show(make()), show(make()), name);
    }
  },

  // What comes back is what the provider understood, whether it has such a type itself or not.
  'values of a type, there and back': async ({ service, wanted }) => {
    for (const [name, make] of Object.entries(SAMPLES).filter(wanted)) {
      same(show(await service.echo(make())), show(make()), name);
    }
  },

  'values of a type, back': async ({ service, wanted }) => {
    for (const [name, make] of Object.entries(SAMPLES).filter(wanted)) {
      same(show(await service.sample(name)), show(make()), name);
    }
  },

  'stream given': async ({ service, name }) => {
    same(await service.drain(stream(`given ${name} 🍄`)), ['given', ` ${name} 🍄`], 'what was read');
  },

  'stream taken': async ({ service, name }) => {
    same(await drain(await service.stream(`taken ${name} 🍄`)), ['taken', ` ${name} 🍄`], 'what was read');
  },

  'keyword arguments': async ({ service, providerLanguage }) => {
    same(await service.named(1, 2, 3), [1, 2, 3], 'by position');
    same(await service.named({ first: 1, second: 2, third: 3, _rkwargs: true }), [1, 2, 3], 'by name');
    // A provider in JavaScript drops what came by position beside keywords.
    if (providerLanguage === 'python')
      same(await service.named(1, { third: 3, second: 2, _rkwargs: true }), [1, 2, 3], 'mixed');
  },

  'who calls': async ({ at, me }) => {
    const stranger = await me.client('ws-stranger');
    const service = await stranger.getService(`${at}:context`);
    same(await service.who(), ['ws-stranger', `ws-stranger/${stranger.config.client_id}`, 'alice', at], 'context');
  },

  'errors arrive': async ({ service }) => refusal(service.fail('the sum is too long: 🍄'), /the sum is too long: 🍄/),

  callbacks: async ({ service }) => {
    check(await service.apply(async (x) => x + 1, 41) === 42, 'apply');
    same(await service.each(async (x) => x * x, 20), Array.from({ length: 20 }, (_, i) => i * i), 'each');
    await refusal(service.apply(async () => { throw new Error('the caller says no'); }, 1), /the caller says no/);
  },

  'nested callbacks': async ({ service }) => {
    check(await service.nest(async (x, double) => await double(x) + 1, 20) === 41, 'nest');
  },

  '_rintf given': async ({ service, name }) => {
    const heard = [];
    await service.keep(name, { _rintf: true, hello: async (value) => { heard.push(value); return heard.length; } });
    check(await service.poke(name, 'one') === 1, 'first');
    check(await service.poke(name, 'two') === 2, 'second');
    same(heard, ['one', 'two'], 'what it heard');
  },

  '_rintf disposed': async ({ service, name }) => {
    await service.keep(name, { _rintf: true, hello: async () => 'here' });
    check(await service.poke(name, '') === 'here', 'not there');
    await service.drop(name);
    await refusal(service.poke(name, ''), /not found/i);
  },

  '_rintf taken': async ({ service }) => {
    const object = await service.give('the provider');
    check(await object.hello('hi') === 'the provider says hi', 'first');
    check(await object.hello('ho') === 'the provider says ho', 'second');
  },

  '_rintf of a client that goes': async ({ me, at, service, name }) => {
    const passing = await me.fresh('ws-matrix');
    const own = await passing.getService(`${at}:matrix`);
    await own.keep(name, { _rintf: true, hello: async () => 'here' });
    check(await service.poke(name, '') === 'here', 'not there');
    await passing.disconnect();
    const start = Date.now();
    await refusal(service.poke(name, ''), /not connected|disconnected|gone/i);
    check(Date.now() - start < AT_ONCE_MS, `it took ${Date.now() - start} ms`);
  },

  'generator, finished': async ({ service }) => {
    const items = [];
    for await (const item of await service.count(5)) items.push(item);
    same(items, [0, 1, 2, 3, 4], 'items');
  },

  'generator, abandoned': async ({ service, name }) => {
    const generator = await service.count(1_000_000, name);
    for await (const item of generator) if (item === 2) break;
    await until(() => service.closed(name), 'the end of the generator');
  },

  'generator, failing': async ({ service }) => {
    const items = [];
    await refusal((async () => {
      for await (const item of await service.broken(2)) items.push(item);
    })(), /the generator broke/);
    same(items, [0, 1], 'items');
  },

  '300 KiB both ways': async ({ service }) => {
    const block = bytes(KIB_300);
    same(await service.size(block), [KIB_300, sum(block)], 'there');
    check(sum(await service.make(KIB_300)) === sum(block), 'back');
  },

  '300 KiB across workspaces': async ({ me, at }) => {
    const stranger = await me.client('ws-stranger');
    const open = await stranger.getService(`${at}:open`);
    const block = bytes(KIB_300);
    same(await open.size(block), [KIB_300, sum(block)], 'there');
    check(sum(await open.make(KIB_300)) === sum(block), 'back');
    check(sum(await open.apply(async (size) => bytes(size), KIB_300)) === sum(block), 'by a callback');
  },

  '64 MiB there': async ({ me, at }) => {
    const patient = await me.client('ws-matrix', { method_timeout: 60 });
    const block = bytes(MIB_64);
    same(await (await patient.getService(`${at}:matrix`)).size(block), [MIB_64, sum(block)], 'size');
  },

  '64 MiB back': async ({ me, at }) => {
    const patient = await me.client('ws-matrix', { method_timeout: 60 });
    check(sum(await (await patient.getService(`${at}:matrix`)).make(MIB_64)) === sum(bytes(MIB_64)), 'sum');
  },

  'heartbeats beyond the time-out': async ({ me, at }) => {
    const hasty = await me.client('ws-matrix', { method_timeout: 1 });
    check(await (await hasty.getService(`${at}:matrix`)).slow(2_500) === 2_500, 'slow');
  },

  'time-out': async ({ me, at, service }) => {
    const hasty = await me.client('ws-matrix', { method_timeout: 1 });
    const own = await hasty.getService(`${at}:matrix`);
    await service.freeze(2_500);
    await refusal((async () => { for (;;) await own.add(1, 2); })(), /timed? out/, 5_000);
    check(await service.add(40, 2) === 42, 'not there afterwards');
  },

  'successes and failures at once': async ({ service }) => {
    const answers = await Promise.allSettled(Array.from({ length: 300 }, (_, i) =>
      (i % 3 === 0 ? service.fail(`no ${i}.`) : service.add(i, i))));
    answers.forEach((answer, i) => {
      if (i % 3 === 0) {
        check(answer.status === 'rejected' && String(answer.reason).includes(`no ${i}.`), `${i}: ${answer.reason}`);
      } else {
        check(answer.value === 2 * i, `${i}: ${answer.value}`);
      }
    });
  },

  'a provider that goes': async ({ service, api, name }) => {
    const brief = await api.getService(await service.host(name, {}));
    check(await brief.add(40, 2) === 42, 'add');
    const lent = await brief.lend();
    check(await lent.hello('hi') === 'hi', 'lent');
    const pending = refusal(brief.never(), /disconnected|not connected|closed|gone/i);
    const start = Date.now();
    await service.leave(name);
    await pending;
    await refusal(brief.add(1, 2), /disconnected|not connected|closed|gone/i);
    await refusal(lent.hello('hi'), /disconnected|not connected|closed|gone/i);
    check(Date.now() - start < AT_ONCE_MS, `it took ${Date.now() - start} ms`);
  },

  visibility: async ({ me, service, name, wanted }) => {
    const stranger = await me.client('ws-stranger');
    const seen = async () => ids(stranger, { workspace: 'ws-matrix' });
    for (const [visibility, listed, given] of
      [['public', true, true], ['unlisted', false, true], ['protected', false, false]].filter(wanted)) {
      const id = await service.publish(`${name}-${visibility}`, { visibility }, visibility);
      check((await seen()).includes(id) === listed, `${visibility}: listed or not`);
      if (given) check(await (await stranger.getService(id)).value() === visibility, visibility);
      else await refusal(stranger.getService(id), /ermission denied/);
      await service.withdraw(`${name}-${visibility}`);
    }
  },

  'authorized workspaces': async ({ me, service, name }) => {
    const id = await service.publish(
      name, { visibility: 'protected', authorized_workspaces: ['ws-stranger'] }, 'welcome');
    const invited = await me.client('ws-stranger');
    check(await (await invited.getService(id)).value() === 'welcome', 'value');
    await refusal((await me.client('ws-third')).getService(id), /ermission denied/);
    await service.withdraw(name);
  },

  'tokens of the other': async ({ service, me }) => {
    const guest = await me.fresh('ws-matrix', { token: await service.token() });
    check(guest.config.workspace === 'ws-matrix', guest.config.workspace);
    check(await guest.echo('in') === 'in', 'echo');
    await guest.disconnect();
  },

  encryption: async ({ me, service, name }) => {
    for (const workspace of ['ws-matrix', 'ws-stranger']) {
      const sealed = await me.client(workspace, { encryption: true });
      const key = await service.trust(name, sealed.rpc.getPublicKey());
      const own = await sealed.getService(`ws-matrix/${key.client}:${name}`, { encryption_public_key: key.key });
      same(await own.secret(async (text) => `${text} and opened`, 'said'), 'said, sealed and opened', 'callback');
      const block = bytes(KIB_300);
      same(await own.size(block), [KIB_300, sum(block)], `300 KiB from ${workspace}`);
      check(sum(await own.make(KIB_300)) === sum(block), `300 KiB to ${workspace}`);
    }
  },

  'trusted and untrusted keys': async ({ me, service, name }) => {
    const sealed = await me.client('ws-matrix', { encryption: true });
    const other = await me.client('ws-stranger', { encryption: true });
    const key = await service.trust(name, sealed.rpc.getPublicKey());
    const id = `ws-matrix/${key.client}:${name}-trusted`;
    const options = () => ({ encryption_public_key: key.key });
    const echo = async (text) => text;
    same(await (await sealed.getService(id, options())).secret(echo, 'said'), 'said, sealed', 'trusted');
    await refusal((await other.getService(id, options())).secret(echo, 'said'), /not in the trusted keys list/);
    await refusal((await sealed.getService(id)).secret(echo, 'said'), /Encryption required/);
  },

  'WebRTC signalling': async ({ api, rtc }) => {
    const service = await api.getService(`ws-matrix/${rtc.client}-rtc`);
    check(service !== null, 'the signalling service is not there');
    const answer = service.offer({ ...rtc.offer });
    if (rtc.answers) check((await within(answer, DEADLINE_MS, 'an answer')).type === 'answer', 'no answer');
    else await refusal(answer, /RTC/);
  },

  'HTTP transport': async (t) => overHttp(t, async (own) => {
    check(await own.add(40, 2) === 42, 'add');
    check(await own.apply(async (x) => x + 1, 41) === 42, 'apply');
    await refusal(own.fail('over HTTP'), /over HTTP/);
  }),

  'HTTP transport, 300 KiB': async (t) => overHttp(t, async (own) => {
    const block = bytes(KIB_300);
    same(await own.size(block), [KIB_300, sum(block)], 'there');
    check(sum(await own.make(KIB_300)) === sum(block), 'back');
  }),

  'HTTP transport, generator': async (t) => overHttp(t, async (own, name) => {
    const items = [];
    for await (const item of await own.count(5)) items.push(item);
    same(items, [0, 1, 2, 3, 4], 'items');
    for await (const item of await own.count(1_000_000, name)) if (item === 2) break;
    await until(() => own.closed(name), 'the end of the generator');
  }),
};
