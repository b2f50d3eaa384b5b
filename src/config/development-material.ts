import { X509Certificate } from 'node:crypto';
import { sep } from 'node:path';

/**
 * How certificates and keys that `pki` makes for development say so: an organisation name in certificates, a line of
 * explanatory text (RFC 7468 section 2) in key files. It travels with every copy of the file.
 */
const DEVELOPMENT_ORGANISATION = 'Hushtone Development';

const DEVELOPMENT_DIRECTORY = `${sep}certs${sep}dev${sep}`;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, one text each. */
export function certificatesOf(pem: string): string[] {
  return pem.match(CERTIFICATE) ?? [];
}

/** Was this PEM text (certificates or a key) made by the development CA? */
export function isDevelopmentMaterial(pem: string): boolean {
  const explanatoryText = pem.replaceAll(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g, '');
  if (explanatoryText.includes(DEVELOPMENT_ORGANISATION) && pem.includes('-----BEGIN ')) return true;
  return certificatesOf(pem).some((certificate) => {
    try {
      const { issuer, subject } = new X509Certificate(certificate);
      return `${issuer}\n${subject}`.split('\n').includes(`O=${DEVELOPMENT_ORGANISATION}`);
    } catch {
      return false; // not a certificate at all: reported where it is read
    }
  });
}

/** Does the file lie in the folder that development certificates are made in? */
export function isInDevelopmentDirectory(path: string): boolean {
  return path.includes(DEVELOPMENT_DIRECTORY);
}
