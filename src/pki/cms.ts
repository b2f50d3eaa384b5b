import { createPrivateKey, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { HushtoneError } from '../kernel/errors.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A certificate (its chain after it) and its RSA private key, both PEM. */
export interface CmsIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Signs `content` at the time `signedAt`: a detached CMS SignedData (RFC 5652), DER. */
export type CmsSigner = (content: Uint8Array, signedAt: Date) => Buffer;

/**
 * A signer that puts the certificates beside the signature (SHA-256 with RSA, content type, digest and time signed
 * with it), so that `openssl cms -verify` needs the authority alone. Throws `cms_identity` when the certificate
 * cannot be read, or the key is not its key or no RSA key.
 */
export function createCmsSigner(identity: CmsIdentity): CmsSigner {
  const certificates = identity.certificate.match(CERTIFICATE) ?? [];
  const [leaf] = certificates;
  const key = readKey(identity.key);
  if (leaf === undefined || !isPairOf(leaf, identity.key)) throw refused();
  return (content, signedAt) => {
    const message = forge.pkcs7.createSignedData();
    message.content = forge.util.createBuffer(Buffer.from(content).toString('binary'));
    for (const certificate of certificates) message.addCertificate(certificate);
    message.addSigner({
      key,
      certificate: leaf,
      digestAlgorithm: forge.pki.oids['sha256'] ?? '',
      authenticatedAttributes: [
        { type: forge.pki.oids['contentType'] ?? '', value: forge.pki.oids['data'] ?? '' },
        { type: forge.pki.oids['messageDigest'] ?? '' },
        // The types want a text; a date is written as the time that it is.
        { type: forge.pki.oids['signingTime'] ?? '', value: signedAt as unknown as string },
      ],
    });
    message.sign({ detached: true });
    return Buffer.from(forge.asn1.toDer(message.toAsn1()).getBytes(), 'binary');
  };
}

function readKey(pem: string): forge.pki.rsa.PrivateKey {
  try {
    return forge.pki.privateKeyFromPem(pem);
  } catch (cause) {
    throw refused(cause);
  }
}

function isPairOf(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function refused(cause?: unknown): HushtoneError {
  return new HushtoneError(
    'cms_identity',
    'invalid',
    'signing needs a certificate and the RSA private key that belongs to it',
    { cause },
  );
}
