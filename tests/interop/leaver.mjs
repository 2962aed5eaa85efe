// SPDX-License-Identifier: MIT
// A client in the middle of everything, for a test that kills it.
import { connectToServer } from '../../build-aux/demo/stock-client.mjs';
import { mint } from './tokens.mjs';

const api = await connectToServer({
  server_url: process.env.HYPHA_URL, workspace: 'ws-objects', client_id: 'leaver', token: mint('ws-objects'),
});
const objects = await api.getService('default/root:objects');
const never = new Promise(() => {});
objects.call_back(() => never);
objects.nest(() => never);
await (await objects.count(1000)).next();
await objects.lend();
