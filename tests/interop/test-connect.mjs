// SPDX-License-Identifier: MIT
// Getting in with the stock JavaScript client, and being kept out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectToServer } from '../../build-aux/demo/stock-client.mjs';
import { connect, leave, refusal, url } from './stock.mjs';
import { mint } from './tokens.mjs';

const REFUSED_IN_MS = 5_000;

const DAY_S = 86_400;

const now = () => Math.floor(Date.now() / 1000);
const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const attempt = (options) => refusal(connectToServer({ server_url: url, ...options }), REFUSED_IN_MS);

test('anonymous gets a workspace of its own', async () => {
  const api = await connect(null);
  assert.match(api.config.workspace, /^anonymous-/);
  assert.equal(api.config.user.is_anonymous, true);
  await leave(api);
});

test('two anonymous clients do not share a workspace', async () => {
  const [one, other] = await Promise.all([connect(null), connect(null)]);
  assert.notEqual(one.config.workspace, other.config.workspace);
});

test('a token leads into its workspace', async () => {
  const api = await connect('ws-a', { client_id: 'with-a-token' });
  assert.equal(api.config.workspace, 'ws-a');
  assert.equal(api.config.client_id, 'with-a-token');
  assert.equal(api.config.user.id, 'alice');
  assert.equal(api.config.user.email, 'alice@example.org');
  assert.equal(api.config.user.is_anonymous, false);
  assert.equal(api.config.public_base_url, url);
});

// Its config is the manager's, in camelCase, with connection_info over it.
const TOLD = {
  requireContext: true, visibility: 'public', hyphaVersion: '0.1.0', publicBaseUrl: url, localBaseUrl: url,
  loginServiceUrl: `${url}/public/services/hypha-login`,
  type: 'connection_info', hypha_version: '0.1.0', public_base_url: url, local_base_url: url,
  manager_id: 'workspace-manager', reconnection_token_life_time: 3600,
};

function assertTold(config, more) {
  const { reconnection_token: again, serverId, ...told } = config;
  assert.match(serverId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(told, { ...TOLD, ...more });
  return claims(again);
}

test('what a client with a token is told', async () => {
  const exp = now() + 600;
  const token = mint('ws-a', 'carol', { roles: ['user'], scope: 'read write', exp });
  const { config } = await connect('ws-a', { token, client_id: 'told' });
  const user = {
    id: 'carol', email: 'carol@example.org', is_anonymous: false, roles: ['user'], scopes: ['read', 'write'],
    expires_at: exp,
  };
  assert.equal(assertTold(config, { workspace: 'ws-a', client_id: 'told', user }).aud, 'hypha-reconnection');
});

test('what an anonymous client is told', async () => {
  const { config } = await connect(null, { client_id: 'nobody' });
  const id = config.workspace;
  const user = { id, email: 'anonymous@amun.ai', is_anonymous: true, roles: [], scopes: [] };
  assert.match(id, /^anonymous-[0-9a-f-]{36}$/);
  assert.equal(assertTold(config, { workspace: id, client_id: 'nobody', user }).is_anonymous, true);
});

test('a token without a requested workspace leads into the token\'s', async () => {
  const api = await connect('ws-b', { workspace: undefined });
  assert.equal(api.config.workspace, 'ws-b');
});

test('roles and scopes of the token arrive', async () => {
  const token = mint('ws-a', 'carol', { roles: ['user', 'tester'], scope: 'read write' });
  const api = await connect('ws-a', { token });
  assert.deepEqual(api.config.user.roles, ['user', 'tester']);
  assert.deepEqual(api.config.user.scopes, ['read', 'write']);
});

test('a workspace other than the token\'s is refused', async () => {
  await attempt({ workspace: 'ws-b', token: mint('ws-a') });
});

test('nobody may enter a workspace that is not theirs', async () => {
  await attempt({ workspace: 'ws-a' });
});

test('a forged token is refused', async () => {
  const token = mint('ws-a', 'alice', { secret: 'not the secret of this server, but as long' });
  await attempt({ workspace: 'ws-a', token });
});

test('a token whose claims were changed is refused', async () => {
  const [header, , signature] = mint('ws-a').split('.');
  const [, body] = mint('ws-b').split('.');
  await attempt({ workspace: 'ws-b', token: `${header}.${body}.${signature}` });
});

test('an expired token is refused', async () => {
  const past = Math.floor(Date.now() / 1000) - 3600;
  await attempt({ workspace: 'ws-a', token: mint('ws-a', 'alice', { iat: past - 60, exp: past }) });
});

test('a token that never expires is refused', async () => {
  await attempt({ workspace: 'ws-a', token: mint('ws-a', 'alice', { exp: undefined }) });
});

test('an unsigned token is refused', async () => {
  await attempt({ workspace: 'ws-a', token: mint('ws-a', 'alice', { alg: 'none' }) });
});

test('a token for another audience or from another issuer is refused', async () => {
  await attempt({ workspace: 'ws-a', token: mint('ws-a', 'alice', { aud: 'somebody-else' }) });
  await attempt({ workspace: 'ws-a', token: mint('ws-a', 'alice', { iss: 'somebody-else' }) });
});

test('text that is no token is refused', async () => {
  await attempt({ workspace: 'ws-a', token: 'nonsense' });
  await attempt({ workspace: 'ws-a', token: 'a.b.c' });
});

test('reserved client ids are refused', async () => {
  await attempt({ workspace: 'default', token: mint('default'), client_id: 'root' });
  await attempt({ workspace: 'ws-a', token: mint('ws-a'), client_id: 'workspace-manager' });
});

test('a client id in use is refused to another user, and its holder keeps working', async () => {
  const holder = await connect('ws-a', { client_id: 'taken' });
  await attempt({ workspace: 'ws-a', token: mint('ws-a', 'mallory'), client_id: 'taken' });
  assert.equal(await holder.echo('still here'), 'still here');
});

test('a token minted by the server leads back into the same workspace', async () => {
  const issuer = await connect('ws-a');
  const token = await issuer.generateToken();
  const api = await connect('ws-a', { token });
  assert.equal(api.config.workspace, 'ws-a');
  assert.equal(api.config.user.id, 'alice');
});

test('what a minted token says where nothing is asked for', async () => {
  const token = mint('ws-a', 'carol', { roles: ['user'], scope: 'read write', exp: now() + 2 * DAY_S });
  const issuer = await connect('ws-a', { token, client_id: 'issuer' });
  for (const config of [undefined, null, {}, { expires_in: null, client_id: null, roles: null }]) {
    const { iat, exp, iss, aud, sub, email, workspace, client_id: client, cid_bound: bound, roles, scope } =
      claims(await (config === undefined ? issuer.generateToken() : issuer.generateToken(config)));
    assert.deepEqual([iss, aud, sub, email], ['hypha-core', 'hypha-api', 'carol', 'carol@example.org']);
    assert.deepEqual([workspace, client, bound, roles, scope], ['ws-a', 'issuer', undefined, ['user'], 'read write']);
    assert.equal(exp - iat, DAY_S);
    assert.ok(Math.abs(iat - now()) <= 5);
  }
});

test('a minted token ends with the one that it was made with', async () => {
  const exp = now() + 600;
  const issuer = await connect('ws-a', { token: mint('ws-a', 'carol', { exp }) });
  assert.equal(claims(await issuer.generateToken()).exp, exp);
  assert.equal(claims(await issuer.generateToken({ expires_in: DAY_S })).exp, exp);
});

test('a token for another workspace is not minted', async () => {
  const issuer = await connect('ws-a');
  await refusal(issuer.generateToken({ workspace: 'ws-b' }), REFUSED_IN_MS);
});
