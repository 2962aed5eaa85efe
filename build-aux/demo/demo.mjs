// SPDX-License-Identifier: MIT
// The unattended demonstration, run by build-aux/run inside a virtual display: hypha-desktop opens
// the sample plugin in a window, a stock client finds and calls it, and a picture proves it.
import { Console } from 'node:console';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { connectToServer } from './stock-client.mjs';

// The client logs a good deal; stdout is for what happened.
globalThis.console = new Console(process.stderr, process.stderr);

const DEADLINE_MS = 60_000;
const POLL_MS = 100;
// The page of the sample has letters in it, smoothed at their edges; an empty one has a colour or two.
const MIN_COLOURS = 16;
const WINDOW = 'Hello';
const HEADER_BAR = '0x60';
const FRAME = '8x8';
// How long a page that is still being drawn may stand still.
const SETTLED_MS = 400;
const plugin = process.argv[2] ?? 'examples/hello.imjoy.html';
const screenshot = process.argv[3] ?? '_build/hello.png';

const windowShot = screenshot.replace(/\.png$/, '-window.png');

const say = (text) => process.stdout.write(`demo: ${text}\n`);
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
      process.stdout.write(`${line}\n`);
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

const output = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8' });

// The page in the plugin's window as a hash of its pixels, null while there is nothing to see.
function lookAtPage() {
  try {
    output('import', '-silent', '-window', WINDOW, windowShot);
  } catch {
    return null; // there is no such window yet
  }
  const [colours, hash] = output('convert', windowShot, '-gravity', 'north', '-chop', HEADER_BAR,
    '-shave', FRAME, '-format', '%k %#', 'info:').split(' ');
  return Number(colours) >= MIN_COLOURS ? hash : null;
}

// Waits for a page that shows something else than what is known already, and keeps showing it.
async function pageShown(what, known) {
  return until(async () => {
    const hash = lookAtPage();
    if (hash === null || hash === known) return null;
    await pause(SETTLED_MS);
    return lookAtPage() === hash && hash;
  }, what);
}

async function callPlugin(url) {
  const api = await connectToServer({ server_url: url });
  say(`connected to ${url} as ${api.config.workspace}/${api.config.client_id}`);
  try {
    const id = await findPlugin(api);
    const service = await within(DEADLINE_MS, api.getService(id), `getService("${id}")`);
    const before = await pageShown('something to see in the window of the plugin');
    const answer = await call('greet("Debian")', service.greet('Debian'));
    if (typeof answer !== 'string' || !answer.includes('Debian'))
      throw new Error('greet() did not greet whom it was asked to');
    await pageShown('a change in the window of the plugin', before);
    say('the window of the plugin changed');
  } finally {
    await api.disconnect();
  }
}

async function main() {
  const { child, url } = await startDesktop();
  try {
    await callPlugin(url);
    output('import', '-silent', '-window', 'root', screenshot);
    say(`screenshot: ${screenshot}`);
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
