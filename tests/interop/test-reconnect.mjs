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
const { startBrowser, startNode } = await import('./matrix/agents.mjs');
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
const agents = {
  chromium: { provider: await browser.startPage('chromium', 'provider', url, 'hypha-rpc'),
    consumer: await browser.startPage('chromium', 'consumer', url, 'hypha-rpc') },
  js: { provider: startNode('js', 'provider', url, 'hypha-rpc'),
    consumer: startNode('js', 'consumer', url, 'hypha-rpc') },
};
for (const { provider, consumer } of Object.values(agents))
  await Promise.all([provider.ask('join', 'provider'), consumer.ask('join', 'consumer')]);

after(async () => {
  await Promise.allSettled(Object.values(agents.js).map((agent) => agent.stop()));
  await browser.stop();
  server.kill();
  await once(server, 'exit');
  rmSync(home, { recursive: true });
});

const run = (row, consumer, provider) => agents[consumer].consumer.ask('run', {
  row, at: `ws-matrix/provider-${provider}`, name: `${consumer}-again`, without: [],
  providerLanguage: 'javascript',
});

const everybody = [['chromium', 'chromium'], ['chromium', 'js'], ['js', 'chromium']];

test('the server is killed, and comes back', async () => {
  for (const pair of everybody) await run('get', ...pair);
  server.kill('SIGKILL');
  await once(server, 'exit');
  ({ server } = await serve(new URL(url).port));
});

for (const [consumer, provider] of everybody) {
  test(`${consumer} calls ${provider} again`, async () => {
    let last;
    // They come back one after another, and try again every few seconds.
    await until(() => run('get', consumer, provider).then(() => true, (error) => { last = error; }),
      'a call').catch((error) => { throw new AggregateError([error, last], String(last)); });
    for (const row of ['list', 'callbacks', '_rintf given', 'register, update, unregister'])
      await run(row, consumer, provider);
  });
}

test('the page said nothing but that the connection was lost', () => {
  const noise = agents.chromium.provider.log.filter((line) => /^ERROR/.test(line));
  assert.deepEqual(noise.filter((line) => !/WebSocket|reconnect|ERR_CONNECTION/i.test(line)), []);
});
