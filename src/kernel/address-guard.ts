import { BlockList, isIP } from 'node:net';

/** What an installation allows beyond the public internet, to addresses that an account has given. */
export interface AddressPolicy {
  /** Private and loopback addresses may be reached. */
  readonly allowPrivate: boolean;
  /** `http:` may be spoken to a loopback address. Never in production. */
  readonly allowPlainLoopback: boolean;
}

type Block = readonly [address: string, prefix: number, family: 'ipv4' | 'ipv6'];

function blockList(blocks: readonly Block[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix, family] of blocks) list.addSubnet(address, prefix, family);
  return list;
}

const LOOPBACK = blockList([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
]);

/** RFC 1918, RFC 6598 (shared) and RFC 4193 (unique local): reached only where the installation allows it. */
const PRIVATE = blockList([
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
]);

/**
 * Never reached: what the IANA special-purpose registries say is no destination, what would smuggle another address
 * in, and where clouds keep their metadata (link-local; the others by name).
 */
const FORBIDDEN = blockList([
  ['0.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  ['100.100.100.200', 32, 'ipv4'], // Alibaba Cloud metadata, within the shared block
  ['168.63.129.16', 32, 'ipv4'], // Azure's platform address, public by its number only
  ['fd00:ec2::', 32, 'ipv6'], // AWS metadata and its neighbours, within the unique local block
  ['fd20:ce::254', 128, 'ipv6'], // Google Cloud metadata
  ['2001::', 23, 'ipv6'], // IETF protocol assignments, Teredo among them
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'], // 6to4
  ['3fff::', 20, 'ipv6'],
]);

/** Of IPv6 only this is the public internet (RFC 4291); IPv4-mapped, NAT64 and multicast addresses are outside. */
const GLOBAL_UNICAST = blockList([['2000::', 3, 'ipv6']]);

/** May a webhook, or a payment, go to this address? `address` is an IP address; anything else may not. */
export function isAddressAllowed(address: string, policy: AddressPolicy): boolean {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  // `check` takes an IPv4-mapped address for the IPv4 one: it is refused as what it is.
  if (family === 'ipv6' && isMapped(address)) return false;
  if (FORBIDDEN.check(address, family)) return false;
  if (isLoopback(address) || PRIVATE.check(address, family)) return policy.allowPrivate;
  return family === 'ipv4' || GLOBAL_UNICAST.check(address, family);
}

export function isLoopback(address: string): boolean {
  const version = isIP(address);
  if (version === 0 || (version === 6 && isMapped(address))) return false;
  return LOOPBACK.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** IPv4-mapped, `::ffff:0:0/96`, however it is written: the WHATWG URL parser writes an address in one way only. */
function isMapped(address: string): boolean {
  return new URL(`http://[${address}]/`).hostname.startsWith('[::ffff:');
}
