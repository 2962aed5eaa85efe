// SPDX-License-Identifier: MIT
// A stock JavaScript client that outlives its server. usage: life-cycle-client.mjs KIND
//
// It registers the service `hello` and then, for each address on a line of stdin, calls that
// service there and prints @ and the answer or the error as JSON. All else that is printed is the
// client's own log.
import { createInterface } from 'node:readline';
import { fetchedModule } from '../../build-aux/demo/stock-client.mjs';

// The old client names these classes of browsers wherever it runs.
globalThis.ImageData ??= class ImageData {};
globalThis.File ??= class File {};

const kinds = {
  js: ['hypha-rpc', {}],
  'js-old': ['hypha-rpc-old', {}],
  'js-http': ['hypha-rpc', { transport: 'http' }],
};
const kind = process.argv[2];
const [name, options] = kinds[kind];
const { connectToServer } = fetchedModule(name).hyphaWebsocketClient;
const say = (value) => process.stdout.write(`@${JSON.stringify(value)}\n`);

const api = await connectToServer({
  server_url: process.env.HYPHA_URL,
  workspace: 'ws-a',
  token: process.env.HYPHA_TOKEN,
  client_id: kind,
  method_timeout: 5,
  ...options,
});
await api.registerService({ id: 'hello', config: { visibility: 'protected' }, hello: () => kind });
say({ ready: kind });

for await (const address of createInterface({ input: process.stdin })) {
  try {
    const service = await api.getService(address);
    say({ answer: await service.hello() });
  } catch (error) {
    say({ error: String(error) });
  }
}
process.exit(0);
