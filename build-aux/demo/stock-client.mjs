// SPDX-License-Identifier: MIT
// The stock hypha-rpc client under Node: it expects a browser's WebSocket and crypto, which the
// Node 18 of Debian 12 does not have as globals.
import { createRequire } from 'node:module';
import { webcrypto } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const fetched =
  process.env.HYPHA_FETCHED_DIR ?? fileURLToPath(new URL('../../_fetched', import.meta.url));
const require = createRequire(`${fetched}/npm/package.json`);

globalThis.crypto ??= webcrypto;
globalThis.WebSocket ??= require('ws');

export const { connectToServer, RPC } = require('hypha-rpc').hyphaWebsocketClient;
export const fetchedModule = require;
