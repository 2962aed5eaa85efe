// SPDX-License-Identifier: MIT
// The stock browser bundle in headless Chromium, on a page that loopback serves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { fetchedModule } from '../../build-aux/demo/stock-client.mjs';
import { connect, timed, url } from './stock.mjs';
import { mint } from './tokens.mjs';

const { chromium } = fetchedModule('playwright-core');
const bundle = readFileSync(fetchedModule.resolve('hypha-rpc/dist/hypha-rpc-websocket.min.js'));
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

const files = {
  '/': ['text/html', '<!DOCTYPE html><meta charset="utf-8"><script src="bundle.js"></script>'],
  '/bundle.js': ['text/javascript', bundle],
};
const site = createServer((request, response) => {
  const [type, body] = files[request.url] ?? ['text/plain', ''];
  response.writeHead(body ? 200 : 404, { 'content-type': `${type}; charset=utf-8` }).end(body);
});
await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
after(async () => {
  await browser.close();
  site.close();
});
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${site.address().port}/`);

// Makes the page a client that offers a service and keeps its connection.
const joined = await page.evaluate(async ([server_url, token]) => {
  const api = await hyphaWebsocketClient.connectToServer(
    { server_url, workspace: 'ws-page', token, client_id: 'page' });
  await api.registerService({
    id: 'in-the-page',
    title: () => location.protocol,
    reverse: (bytes) => bytes.slice().reverse(),
    apply: async (callback, value) => callback(value),
  });
  globalThis.api = api;
  return api.config.workspace;
}, [url, mint('ws-page')]);
const outside = await connect('ws-page', { client_id: 'outside' });
await outside.registerService({ id: 'outside', add: (a, b) => a + b });

test('the page is in its workspace', () => assert.equal(joined, 'ws-page'));

test('Node calls the page', async () => {
  const service = await outside.getService('in-the-page');
  assert.equal((await timed(service.title())).value, 'http:');
});

test('a megabyte goes to the page and comes back', async () => {
  const bytes = new Uint8Array(1_000_000).map((_, i) => i & 0xff);
  const service = await outside.getService('in-the-page');
  const { value } = await timed(service.reverse(bytes));
  assert.ok(Buffer.from(value).equals(Buffer.from(bytes.reverse())));
});

test('the page calls a callback of Node', async () => {
  const service = await outside.getService('in-the-page');
  assert.equal((await timed(service.apply((value) => value + 1, 41))).value, 42);
});

test('the page calls Node', async () => {
  const sum = await page.evaluate(async () => (await api.getService('outside')).add(40, 2));
  assert.equal(sum, 42);
});

test('the page hears that a service is missing', async () => {
  assert.equal(await page.evaluate(() => api.getService('no-such-service')), null);
});

test('the services of a closed page are gone', async () => {
  await page.close();
  const deadline = performance.now() + 5_000;
  let left;
  do {
    left = (await outside.listServices()).filter((info) => info.id.includes('/page:'));
  } while (left.length > 0 && performance.now() < deadline);
  assert.deepEqual(left, []);
});
