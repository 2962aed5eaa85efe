// SPDX-License-Identifier: MIT
// The unattended demonstration, run by build-aux/run inside a virtual display: hypha-desktop opens
// the sample plugin in a window, a stock client finds and calls it, and a picture proves it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { connectToServer } from './stock-client.mjs';

const DEADLINE_MS = 60_000;
const POLL_MS = 100;
const MIN_COLOURS = 16;
const plugin = process.argv[2] ?? 'examples/hello.imjoy.html';
const screenshot = process.argv[3] ?? '_build/hello.png';

const say = (text) => console.log(`demo: ${text}`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function until(condition, what) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: nothing after ${DEADLINE_MS / 1000} s`);
    await pause(POLL_MS);
  }
}

// Starts the app and waits for the line that tells the address of its core.
async function startDesktop() {
  const child = spawn('_build/hypha-gtk/hypha-desktop', ['--port', '0', plugin], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      console.log(line);
      const match = /^hypha-desktop: listening on (http:\S+)$/.exec(line);
      if (match) resolve(match[1]);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`hypha-desktop ended early with ${signal ?? code}`)));
  });
  return { child, url: await within(DEADLINE_MS, url, 'hypha-desktop') };
}

async function stopDesktop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await within(10_000, gone, 'hypha-desktop after SIGTERM').catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
}

// Makes a call, and prints it with its answer.
async function call(text, promise) {
  const answer = await within(DEADLINE_MS, promise, text);
  say(`${text} → ${JSON.stringify(answer)}`);
  return answer;
}

async function findPlugin(api) {
  const services = await until(async () => {
    const found = await api.listServices({ workspace: 'desktop' });
    return found.some((service) => service.id.endsWith(':default')) && found;
  }, 'the service of the plugin');
  say(`listServices({workspace: "desktop"}) → ${services.map((service) => service.id).join(', ')}`);
  return services.find((service) => service.id.endsWith(':default')).id;
}

async function callPlugin(url) {
  const api = await connectToServer({ server_url: url });
  say(`connected to ${url} as ${api.config.workspace}/${api.config.client_id}`);
  try {
    const id = await findPlugin(api);
    const service = await within(DEADLINE_MS, api.getService(id), `getService("${id}")`);
    const answer = await call('greet("Debian")', service.greet('Debian'));
    if (typeof answer !== 'string' || !answer.includes('Debian'))
      throw new Error('greet() did not greet whom it was asked to');
  } finally {
    await api.disconnect();
  }
}

// A picture of the whole virtual display; one colour, or next to none, means nothing was drawn.
async function photograph() {
  const colours = await until(() => {
    execFileSync('import', ['-silent', '-window', 'root', screenshot]);
    const count = Number(execFileSync('identify', ['-format', '%k', screenshot], { encoding: 'utf8' }));
    return count >= MIN_COLOURS && count;
  }, 'something to see on the display');
  say(`screenshot with ${colours} colours: ${screenshot}`);
}

async function main() {
  const { child, url } = await startDesktop();
  try {
    await callPlugin(url);
    await photograph();
  } finally {
    await stopDesktop(child);
  }
  say('everything worked');
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`demo: failed: ${error.message}`);
    process.exit(1);
  },
);
