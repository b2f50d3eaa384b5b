import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { Server as TlsServer } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { OAuthError } from '../../../src/access/oauth-error.ts';
import type { AuthorizationServer } from '../../../src/access/authorization-server.ts';
import type { HttpOptions } from '../../../src/http/server.ts';
import { CLEANSE_PLAINTEXT } from '../../../src/http/without-residue.ts';
import { createAuthority, issueLeaf } from '../../../src/pki/certificate.ts';
import type { ConnectorDesk } from '../../../src/workflows/connector/contract.ts';
import { buildGateway, ISSUER, type Gateway } from './gateway.ts';

const BODY = JSON.stringify({ method: 'charge', cardnumber: '4242424242424242', cvv: '123' });

const isWiped = (piece: Uint8Array): boolean => piece.every((byte) => byte === 0);

/** Refuses everybody, as the token endpoint does a wrong secret. */
const authorization: AuthorizationServer = {
  issue: async () => await Promise.reject(new OAuthError('invalid_client', 'The client is not known.')),
  jwks: ISSUER.keys.jwks,
  metadata: () => {
    throw new Error('no test here asks for it');
  },
};

const connector: ConnectorDesk = {
  take: async () => await Promise.reject(new Error('nobody gets here')),
};

const gateways: Gateway[] = [];
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.http.close();
});

async function start(change: Partial<HttpOptions> = {}): Promise<Gateway> {
  const gateway = await buildGateway({ connector, authorization, ...change });
  gateways.push(gateway);
  return gateway;
}

/** The pieces that arrive on sockets, and those of bodies, as Node hands them on. */
function piecesOf({ http }: Gateway): { readonly raw: Buffer[]; readonly bodies: Buffer[] } {
  const seen = { raw: [] as Buffer[], bodies: [] as Buffer[] };
  http.server.on('connection', (socket) => void socket.on('data', (piece: Buffer) => seen.raw.push(piece)));
  http.server.prependListener('request', (request: IncomingMessage) => {
    const push = request.push.bind(request);
    request.push = (piece: Buffer | null, ...rest) => {
      if (piece !== null) seen.bodies.push(piece);
      return push(piece, ...rest);
    };
  });
  return seen;
}

test('a card that comes with a wrong secret is wiped: what arrived on the socket, and the body that nobody reads', async () => {
  const gateway = await start();
  const seen = piecesOf(gateway);
  const socket = connect(await gateway.listen(), '127.0.0.1');
  const answer: Buffer[] = [];
  socket.on('data', (piece: Buffer) => answer.push(piece));
  const head = [
    'POST /v1/connector/payments HTTP/1.1',
    'host: gateway.test',
    'content-type: application/json',
    `content-length: ${BODY.length}`,
    '',
    '',
  ];
  socket.write(head.join('\r\n') + BODY);
  await once(socket, 'close');
  expect(Buffer.concat(answer).toString()).toMatch(/^HTTP\/1\.1 401 /);
  expect(Buffer.concat(seen.raw).length).toBe(head.join('\r\n').length + BODY.length);
  expect(seen.raw.every(isWiped)).toBe(true);
  expect(Buffer.concat(seen.bodies)).toHaveLength(BODY.length);
  expect(seen.bodies.every(isWiped)).toBe(true);
});

test('what TLS has decrypted is wiped by OpenSSL where cards are taken, and only there', async () => {
  const validity = { from: new Date(), days: 1 };
  const authority = await createAuthority('test CA', validity);
  const leaf = await issueLeaf(authority, { commonName: 'localhost', usage: 'server' }, validity);
  const tls = { cert: leaf.certificate, key: leaf.key };
  const optionsOf = ({ http }: Gateway): number =>
    (http.server as unknown as TlsServer & { readonly secureOptions?: number }).secureOptions ?? 0;
  expect(optionsOf(await start({ tls })) & CLEANSE_PLAINTEXT).toBe(CLEANSE_PLAINTEXT);
  const without = await buildGateway({ tls });
  gateways.push(without);
  expect(optionsOf(without) & CLEANSE_PLAINTEXT).toBe(0);
});
