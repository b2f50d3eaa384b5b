import { constants, createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseSigningKey, signBase } from '../../../../src/payments/http-signature/algorithms.ts';
import { contentDigest } from '../../../../src/payments/http-signature/content-digest.ts';
import { signRequest } from '../../../../src/payments/http-signature/sign-request.ts';
import { signatureBase, signatureParams } from '../../../../src/payments/http-signature/signature-base.ts';
import {
  RFC_9421_CREATED,
  RFC_9421_ECDSA,
  RFC_9421_KEYS,
  RFC_9421_REQUEST,
  RFC_9421_SIGNATURES,
} from './vectors.ts';

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };

describe('RFC 9421, appendix B', () => {
  it.each(RFC_9421_SIGNATURES)('$name', (vector) => {
    const parameters = {
      created: RFC_9421_CREATED,
      keyId: vector.keyId,
      ...('nonce' in vector && { nonce: vector.nonce }),
    };
    const params = signatureParams(vector.components, parameters);
    expect(params).toBe(vector.input);
    const base = Buffer.from(signatureBase(RFC_9421_REQUEST, vector.components, params));
    const pem = RFC_9421_KEYS[vector.keyId];
    const key = parseSigningKey(vector.algorithm, pem);
    const signed = signRequest(RFC_9421_REQUEST, { key, components: vector.components, parameters });
    expect(signed['signature-input']).toBe(`sig1=${vector.input}`);
    // PSS has a random salt: the published signature must fit our base, and ours the published key.
    const fits = (signature: string): boolean =>
      vector.algorithm === 'rsa-pss-sha512'
        ? verify('sha512', base, { key: createPublicKey(pem), ...PSS }, Buffer.from(signature, 'base64'))
        : signature === vector.signature;
    expect(fits(vector.signature)).toBe(true);
    expect(fits(/^sig1=:([A-Za-z0-9+/=]+):$/.exec(signed.signature)?.[1] ?? '')).toBe(true);
  });

  it('B.2.4, ecdsa-p256-sha256', () => {
    const pem = RFC_9421_KEYS['test-key-ecc-p256'];
    const base = Buffer.from(RFC_9421_ECDSA.base);
    const publicKey = { key: createPublicKey(pem), dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', base, publicKey, Buffer.from(RFC_9421_ECDSA.signature, 'base64'))).toBe(true);
    const ours = signBase(parseSigningKey('ecdsa-p256-sha256', pem), base);
    expect(ours).toHaveLength(64);
    expect(verify('sha256', base, publicKey, ours)).toBe(true);
  });
});

describe('RFC 9530, content-digest', () => {
  it('appendix B.1, with a line feed', () => {
    expect(contentDigest('sha-256', '{"hello": "world"}\n')).toBe(
      'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    );
    expect(contentDigest('sha-512', '{"hello": "world"}\n')).toBe(
      'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:',
    );
  });

  it('the digests of the messages of RFC 9421', () => {
    expect(contentDigest('sha-512', '{"hello": "world"}')).toBe(RFC_9421_REQUEST.headers['content-digest']);
    expect(RFC_9421_ECDSA.base).toContain(contentDigest('sha-512', RFC_9421_ECDSA.content));
    expect(contentDigest('sha-256', Buffer.from('{"hello": "world"}'))).toBe(
      'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
    );
  });
});
