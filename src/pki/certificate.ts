import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';

/** Marks everything made here; servers in production refuse a certificate or key that carries it. */
export const DEVELOPMENT_ORGANISATION = 'Hushtone Development';

const RSA_BITS = 2048;

/** Clocks of two machines differ: a certificate made now must already be valid on the other. */
const BACKDATED_MS = 5 * 60_000;

export interface Validity {
  readonly from: Date;
  readonly days: number;
}

/** A certificate and its private key (PKCS#8), both PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority that is ready to sign. */
export interface Authority extends Issued {
  readonly forgeCertificate: forge.pki.Certificate;
  readonly forgeKey: forge.pki.rsa.PrivateKey;
}

export interface LeafRequest {
  readonly commonName: string;
  /** `signing`: signs documents (CMS), and no TLS. */
  readonly usage: 'server' | 'client' | 'signing';
}

/** Node makes RSA keys in native code, off the main thread; forge would block for seconds. */
async function newRsaKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** RFC 5280 section 4.1.2.2: positive and at most 20 bytes. */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function draft(commonName: string, key: forge.pki.rsa.PrivateKey, validity: Validity): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  certificate.serialNumber = newSerialNumber();
  certificate.validity.notBefore = new Date(validity.from.getTime() - BACKDATED_MS);
  certificate.validity.notAfter = new Date(validity.from.getTime() + validity.days * 86_400_000);
  certificate.setSubject([
    { name: 'organizationName', value: DEVELOPMENT_ORGANISATION },
    { name: 'commonName', value: commonName },
  ]);
  return certificate;
}

/** A self-signed RSA authority that may sign leaves and no further authority (RFC 5280 section 4.2.1.9). */
export async function createAuthority(commonName: string, validity: Validity): Promise<Authority> {
  const key = await newRsaKey();
  const forgeKey = forge.pki.privateKeyFromPem(key);
  const certificate = draft(commonName, forgeKey, validity);
  certificate.setIssuer(certificate.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forgeKey, forge.md.sha256.create());
  return {
    certificate: forge.pki.certificateToPem(certificate),
    key,
    forgeCertificate: certificate,
    forgeKey,
  };
}

/** RFC 5280 section 4.2.1.12. Whoever verifies a CMS wants a certificate for mail, as S/MIME has it. */
const EXTENDED_KEY_USAGE = {
  server: { name: 'extKeyUsage', serverAuth: true },
  client: { name: 'extKeyUsage', clientAuth: true },
  signing: { name: 'extKeyUsage', emailProtection: true },
} as const;

/** A certificate for a process on this machine, signed by `authority`. */
export async function issueLeaf(
  authority: Authority,
  request: LeafRequest,
  validity: Validity,
): Promise<Issued> {
  const key = await newRsaKey();
  const certificate = draft(request.commonName, forge.pki.privateKeyFromPem(key), validity);
  certificate.setIssuer(authority.forgeCertificate.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    EXTENDED_KEY_USAGE[request.usage],
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
        { type: 7, ip: '::1' },
      ],
    },
    { name: 'subjectKeyIdentifier' },
    // `keyIdentifier: true` would write the leaf's own identifier, and strict verification of the chain would fail.
    {
      name: 'authorityKeyIdentifier',
      keyIdentifier: authority.forgeCertificate.generateSubjectKeyIdentifier().getBytes(),
    },
  ]);
  certificate.sign(authority.forgeKey, forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), key };
}
