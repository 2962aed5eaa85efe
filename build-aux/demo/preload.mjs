// SPDX-License-Identifier: MIT
// For `node --import`: what the stock client expects of Node 22, on the Node 18 of Debian 12.
import './stock-client.mjs';
