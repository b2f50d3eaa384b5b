import { createHash, createVerify } from 'node:crypto';
import forge from 'node-forge';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueLeaf, type Authority, type Issued } from '../../../src/pki/certificate.ts';
import { createCmsSigner } from '../../../src/pki/cms.ts';

const SIGNED_AT = new Date('2026-03-04T05:06:07.000Z');
const CONTENT = Buffer.from('{"records":3,"who":"✓"}');

let authority: Authority;
let identity: Issued;

beforeAll(async () => {
  const validity = { from: new Date(), days: 2 };
  authority = await createAuthority('Test CA', validity);
  identity = await issueLeaf(authority, { commonName: 'audit exports', usage: 'signing' }, validity);
}, 60_000);

interface Attribute {
  readonly type: string;
  readonly value: forge.asn1.Asn1;
}

/** The parts of a CMS SignedData (RFC 5652 section 5) that a verifier looks at. */
function read(der: Buffer) {
  const message = forge.pkcs7.messageFromAsn1(forge.asn1.fromDer(der.toString('binary'))) as unknown as {
    readonly certificates: forge.pki.Certificate[];
    readonly rawCapture: {
      readonly signature: string;
      readonly authenticatedAttributes: forge.asn1.Asn1[];
      readonly content?: unknown;
    };
  };
  const { signature, authenticatedAttributes } = message.rawCapture;
  const attributes = authenticatedAttributes.map((attribute): Attribute => {
    const [type, values] = attribute.value as [forge.asn1.Asn1, forge.asn1.Asn1];
    return {
      type: forge.asn1.derToOid(type.value as string),
      value: (values.value as forge.asn1.Asn1[])[0] as forge.asn1.Asn1,
    };
  });
  // Section 5.4: the attributes are signed as an explicit SET OF.
  const set = forge.asn1.create(
    forge.asn1.Class.UNIVERSAL,
    forge.asn1.Type.SET,
    true,
    authenticatedAttributes,
  );
  return {
    certificates: message.certificates,
    signature: Buffer.from(signature, 'binary'),
    signed: Buffer.from(forge.asn1.toDer(set).getBytes(), 'binary'),
    valueOf: (name: string): string => {
      const oid = forge.pki.oids[name];
      return attributes.find(({ type }) => type === oid)?.value.value as string;
    },
  };
}

describe('a detached CMS', () => {
  test('bears a valid signature over the digest of the content', () => {
    const { certificates, signature, signed, valueOf } = read(createCmsSigner(identity)(CONTENT, SIGNED_AT));
    const digest = createHash('sha256').update(CONTENT).digest();
    expect(Buffer.from(valueOf('messageDigest'), 'binary')).toEqual(digest);
    expect(forge.asn1.derToOid(valueOf('contentType'))).toBe(forge.pki.oids['data']);
    expect(valueOf('signingTime')).toBe('260304050607Z');
    const verify = createVerify('sha256').update(signed);
    expect(verify.verify(identity.certificate, signature)).toBe(true);
    expect(certificates).toHaveLength(1);
    const [leaf] = certificates;
    expect(leaf !== undefined && authority.forgeCertificate.verify(leaf)).toBe(true);
  });

  test('holds none of the content', () => {
    expect(createCmsSigner(identity)(CONTENT, SIGNED_AT).includes('records')).toBe(false);
  });

  test('carries the chain that came with the certificate', () => {
    const certificate = `${identity.certificate}\n${authority.certificate}`;
    const { certificates } = read(createCmsSigner({ ...identity, certificate })(CONTENT, SIGNED_AT));
    expect(certificates).toHaveLength(2);
  });
});

test.each([
  ['no certificate', () => ({ certificate: 'none', key: identity.key })],
  ['no key', () => ({ certificate: identity.certificate, key: 'none' })],
  ['a key of another certificate', () => ({ certificate: identity.certificate, key: authority.key })],
])('%s is refused', (_what, make) => {
  expect(() => createCmsSigner(make())).toThrow(expect.objectContaining({ code: 'cms_identity' }));
});
