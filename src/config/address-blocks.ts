import { isIP } from 'node:net';
import type { AddressBlock } from './config.ts';

const PREFIX = /^\d{1,3}$/;

/** One IP address or CIDR block (RFC 4632, RFC 4291). Undefined when it is neither. */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const [address = '', prefixText, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const longest = version === 4 ? 32 : 128;
  if (prefixText !== undefined && !PREFIX.test(prefixText)) return undefined;
  const prefix = prefixText === undefined ? longest : Number(prefixText);
  if (prefix > longest) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}
