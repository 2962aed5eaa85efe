// SPDX-License-Identifier: MIT
// One party of the matrix: a client of one kind, with its further clients. In Node and in a page.
import { provide, rows } from './rows.mjs';

export class Agent {
  // tokens: workspace → token, made by who started this; a page cannot make them.
  constructor(kind, role, { connectToServer, login, url, tokens }) {
    Object.assign(this, { kind, clientId: `${role}-${kind}`, connectToServer, login, url, tokens });
    this.clients = new Map();
  }

  async fresh(workspace, options = {}) {
    const config = { server_url: this.url, ...options };
    if (workspace !== null) Object.assign(config, { workspace, token: options.token ?? this.tokens[workspace] });
    const client = await this.connectToServer(config);
    // A client that does not know the option would pass over it.
    if (options.transport === 'http' && '_websocket' in client.rpc._connection)
      throw new Error('the client is on a socket');
    return client;
  }

  // One client for each workspace and set of options, connected once.
  client(workspace, options = {}) {
    const key = JSON.stringify([workspace, options]);
    if (!this.clients.has(key)) this.clients.set(key, this.fresh(workspace, options));
    return this.clients.get(key);
  }

  async join(role, options = {}) {
    this.api = await this.fresh('ws-matrix', { client_id: this.clientId, ...options });
    if (role === 'provider') await provide(this, this.api);
    return Object.keys(rows);
  }

  // Logs in as a person would; what that person is to be shown is in loginContext meanwhile.
  async logIn() {
    const token = await this.login({
      server_url: this.url, login_timeout: 20, login_callback: (context) => { this.shown = context; },
    });
    const client = await this.fresh(null, { token });
    await client.disconnect();
    return client.config.user;
  }

  async loginContext() {
    return this.shown ?? null;
  }

  // The client with WebRTC is one of its own: its way to get services is another.
  async offerRtc() {
    const client = await this.client('ws-matrix', { webrtc: true, client_id: `rtc-${this.clientId}` });
    return client.config.client_id;
  }

  async run({ row, at, name, providerLanguage, without, rtc }) {
    const wanted = ([value]) => !without.includes(value);
    const service = await this.api.getService(`${at}:matrix`);
    await rows[row]({ me: this, api: this.api, service, at, name, providerLanguage, wanted, rtc });
  }

  async leave() {
    for (const client of this.clients.values()) await (await client).disconnect();
    await this.api?.disconnect();
  }
}
