// SPDX-License-Identifier: MIT
// Starts the agents of every kind: two of each, so that none is its own counterpart.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { fetchedModule } from '../../../build-aux/demo/stock-client.mjs';
import { mint } from '../tokens.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

// The whole matrix may take more than the ten minutes of other tokens.
function setup(url) {
  const tokens = {};
  const exp = Math.floor(Date.now() / 1000) + 7200;
  for (const workspace of ['ws-matrix', 'ws-stranger', 'ws-third'])
    tokens[workspace] = mint(workspace, 'alice', { exp });
  return { url, tokens };
}

// A program that answers lines of JSON on its descriptor 3; its output is kept in `log`.
function startProcess(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
  const waiting = new Map();
  const log = [];
  let last = 0;
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => log.push(line));
  createInterface(child.stdio[3]).on('line', (line) => {
    const { id, value, error } = JSON.parse(line);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(error));
  });
  child.once('exit', (status) => {
    for (const { reject } of waiting.values())
      reject(new Error(`the agent ended with ${status}: ${log.slice(-5).join('\n')}`));
  });
  const ask = (what, ...args) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    child.stdin.write(`${JSON.stringify({ id: last, what, args })}\n`);
  });
  const stop = async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  };
  return { ask, log, stop };
}

export const startNode = (kind, role, url, modulePath) =>
  startProcess(process.execPath,
    [here('agent-node.mjs'), kind, role, modulePath, JSON.stringify(setup(url))]);

export const startPython = (kind, role, url) =>
  startProcess(process.env.HYPHA_PYTHON, [here('agent.py'), kind, role, JSON.stringify(setup(url))]);

// A page with the client of a module, and that client.
const page = (modulePath) => ({
  [`/${modulePath}`]: ['text/html', '<!DOCTYPE html><meta charset="utf-8">' +
    `<link rel="icon" href="data:,"><script src="${modulePath}.js"></script>`],
  [`/${modulePath}.js`]: ['text/javascript',
    readFileSync(fetchedModule.resolve(`${modulePath}/dist/hypha-rpc-websocket.min.js`))],
});

// A browser with one page for each agent, of a site that loopback serves.
export async function startBrowser() {
  const files = {
    ...page('hypha-rpc'),
    ...page('hypha-rpc-old'),
    '/agent.mjs': ['text/javascript', readFileSync(here('agent.mjs'))],
    '/rows.mjs': ['text/javascript', readFileSync(here('rows.mjs'))],
    '/values.mjs': ['text/javascript', readFileSync(here('values.mjs'))],
  };
  const site = createServer((request, response) => {
    const [type, body] = files[request.url] ?? ['text/plain', ''];
    response.writeHead(body ? 200 : 404, { 'content-type': `${type}; charset=utf-8` }).end(body);
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const { chromium } = fetchedModule('playwright-core');
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });

  const startPage = async (kind, role, url, modulePath) => {
    const tab = await (await browser.newContext()).newPage();
    const log = [];
    tab.on('console', (message) => log.push(`${message.type().toUpperCase()}: ${message.text()}`));
    tab.on('pageerror', (error) => log.push(`ERROR: ${error}`));
    await tab.goto(`http://127.0.0.1:${site.address().port}/${modulePath}`);
    await tab.evaluate(async ([name, part, more]) => {
      const { Agent } = await import('/agent.mjs');
      globalThis.agent = new Agent(name, part, { ...hyphaWebsocketClient, ...more });
    }, [kind, role, setup(url)]);
    const ask = (what, ...args) =>
      tab.evaluate(async ([name, rest]) => (await agent[name](...rest)) ?? null, [what, args]);
    return { ask, log, stop: async () => { await ask('leave'); await tab.close(); } };
  };
  return { startPage, stop: async () => { await browser.close(); site.close(); } };
}
