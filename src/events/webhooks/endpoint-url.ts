import { isIP } from 'node:net';
import { HushtoneError } from '../../kernel/errors.ts';
import { isAddressAllowed, isLoopback, type AddressPolicy } from '../../kernel/address-guard.ts';

const LONGEST_URL = 2048;
/** Names that never lead to the public internet (RFC 6761, RFC 6762, and the one that ICANN keeps for private use). */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa|onion|invalid|test)$/;
const LOOPBACK_NAME = /(?:^|\.)localhost$/;

/** A URL's host, an IPv6 address without its brackets, a name without the full stop at its end. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function refused(detail: string): HushtoneError {
  return new HushtoneError('webhook_url_refused', 'invalid', detail);
}

/**
 * The URL in the way that it is kept. Throws `webhook_url_refused` for what can be told from its text; where its name
 * leads to is looked at before every request.
 */
export function checkEndpointUrl(text: string, policy: AddressPolicy): string {
  if (text.length > LONGEST_URL || !URL.canParse(text)) {
    throw refused(`The URL is not one, or has more than ${LONGEST_URL} characters.`);
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refused('The URL must not hold credentials.');
  if (url.hash !== '') throw refused('The URL must not have a fragment.');
  const host = hostOf(url);
  if (isIP(host) !== 0 ? !isAddressAllowed(host, policy) : PRIVATE_NAME.test(host) && !policy.allowPrivate) {
    throw refused('The URL does not lead to a public address.');
  }
  if (url.protocol === 'https:') return url.href;
  const loopback = isLoopback(host) || LOOPBACK_NAME.test(host);
  if (url.protocol === 'http:' && loopback && policy.allowPlainLoopback) return url.href;
  throw refused('The URL must begin with https:.');
}
