// SPDX-License-Identifier: MIT
// Getting in with the stock JavaScript client, and being kept out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectToServer } from '../../build-aux/demo/stock-client.mjs';
import { connect, leave, refusal, url } from './stock.mjs';
import { mint } from './tokens.mjs';

const REFUSED_IN_MS = 5_000;

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

test('a token for another workspace is not minted', async () => {
  const issuer = await connect('ws-a');
  await refusal(issuer.generateToken({ workspace: 'ws-b' }), REFUSED_IN_MS);
});
