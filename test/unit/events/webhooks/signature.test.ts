import { createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  newEd25519Secret,
  newHmacSecret,
  secretText,
  signMessage,
} from '../../../../src/events/webhooks/signature.ts';

test('the published example of Standard Webhooks', () => {
  // https://github.com/standard-webhooks/standard-webhooks, the libraries' own test vector
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  const headers = signMessage(
    {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: new Date(1614265330 * 1000),
      body: '{"test": 2432232314}',
    },
    [{ scheme: 'hmac-sha256', key }],
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('whatever is signed, the official library takes it and refuses it when one character differs', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), (body, at) => {
      const { key } = newHmacSecret();
      const headers = {
        ...signMessage({ id: 'evt_x', timestamp: new Date(), body }, [{ scheme: 'hmac-sha256', key }]),
      };
      const webhook = new Webhook(secretText(key));
      expect(webhook.verify(body, headers)).toEqual(JSON.parse(body));
      const place = at % body.length;
      const changed = `${body.slice(0, place)}\u0001${body.slice(place + 1)}`;
      expect(() => webhook.verify(changed, headers)).toThrow('No matching signature');
    }),
    { numRuns: 50 },
  );
});

test('every key adds a signature, in the order of the keys', () => {
  const old = newHmacSecret();
  const current = newHmacSecret();
  const asymmetric = newEd25519Secret();
  const message = { id: 'evt_x', timestamp: new Date(), body: '{}' };
  const headers = signMessage(message, [current, old, asymmetric]);
  const signatures = headers['webhook-signature'].split(' ');
  expect(signatures.map((signature) => signature.split(',')[0])).toEqual(['v1', 'v1', 'v1a']);
  for (const { key } of [old, current]) new Webhook(secretText(key)).verify('{}', { ...headers });
  const { publicKey = '' } = asymmetric;
  expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
  const x = Buffer.from(publicKey.slice(5), 'base64').toString('base64url');
  const signed = Buffer.from(`evt_x.${headers['webhook-timestamp']}.{}`);
  const signature = Buffer.from(signatures[2]?.slice('v1a,'.length) ?? '', 'base64');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  expect(verify(null, signed, key, signature)).toBe(true);
  expect(verify(null, Buffer.from('another'), key, signature)).toBe(false);
});

test('secrets are of the size and form that the standard asks for, and differ', () => {
  const texts = Array.from({ length: 20 }, () => secretText(newHmacSecret().key));
  expect(new Set(texts).size).toBe(20);
  for (const text of texts) expect(text).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
});
