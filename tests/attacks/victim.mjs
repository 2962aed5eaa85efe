// SPDX-License-Identifier: MIT
// A stock JavaScript client for hostile strangers. usage: victim.mjs js|js-old
//
// It serves `open`, and for each line of stdin lists the services that it can see and prints @ and how
// many, or the error. All else that is printed is the client's own log.
import { createInterface } from 'node:readline';
import { fetchedModule } from '../../build-aux/demo/stock-client.mjs';

// The old client names these classes of browsers wherever it runs.
globalThis.ImageData ??= class ImageData {};
globalThis.File ??= class File {};

const kind = process.argv[2];
const name = { js: 'hypha-rpc', 'js-old': 'hypha-rpc-old' }[kind];
// The old client does not handle what is rejected while it answers; see hypha-core/docs/attacks.md.
if (kind === 'js-old') process.on('unhandledRejection', (reason) => console.log(String(reason)));
const { connectToServer } = fetchedModule(name).hyphaWebsocketClient;

const api = await connectToServer({
  server_url: process.env.HYPHA_URL,
  workspace: 'ws-a',
  token: process.env.HYPHA_TOKEN,
  client_id: kind,
});
await api.registerService({
  id: 'open',
  config: { visibility: 'public' },
  touch: () => 'touched',
  back: (value) => value,
  run: (f) => f(),
});
process.stdout.write('@ready\n');

for await (const workspace of createInterface({ input: process.stdin })) {
  try {
    const found = await api.listServices({ workspace });
    process.stdout.write(`@${found.length}\n`);
  } catch (error) {
    process.stdout.write(`@${error}\n`);
  }
}
process.exit(0);
