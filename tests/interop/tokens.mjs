// SPDX-License-Identifier: MIT
// Tokens made by hand, good and bad ones.
import { createHmac } from 'node:crypto';

const part = (value) => Buffer.from(value).toString('base64url');

export function mint(workspace = 'ws-a', subject = 'alice', { secret, alg = 'HS256', ...more } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: subject, workspace, email: `${subject}@example.org`, roles: [], scope: '',
    iat: now, exp: now + 600, iss: 'hypha-core', aud: 'hypha-api', ...more,
  };
  const signed = `${part(JSON.stringify({ alg, typ: 'JWT' }))}.${part(JSON.stringify(claims))}`;
  if (alg === 'none') return `${signed}.`;
  const key = secret ?? process.env.HYPHA_SECRET;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}
