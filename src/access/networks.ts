import { BlockList, isIP, isIPv4 } from 'node:net';

/** Address blocks in CIDR form (RFC 4632, RFC 4291). */
export type AddressBlocks = readonly string[];

/** An IPv4 address as an IPv6 socket shows it (RFC 4291 section 2.5.5.2). */
const MAPPED_IPV4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** An IPv6 network of one site (RFC 6177): its hosts count as one, they are free to change addresses. */
const IPV6_SITE_GROUPS = 4;

/**
 * The address without the form that a dual-stack listener gives it, and without an IPv6 zone. A connection that is
 * gone already has none: that is no address, which is in no block.
 */
export function plainAddress(address: string | undefined): string {
  const bare = (address ?? '').replace(/%.*$/, '');
  return MAPPED_IPV4.exec(bare)?.[1] ?? bare;
}

/** The address, or of IPv6 the site that it is in. */
export function siteOf(address: string | undefined): string {
  const plain = plainAddress(address);
  if (isIPv4(plain) || !plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const missing = 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
    groups.push(...Array.from({ length: missing }, () => '0'), ...tail.split(':'));
  }
  return groups.slice(0, IPV6_SITE_GROUPS).join(':');
}

const LONGEST_PREFIX = { ipv4: 32, ipv6: 128 } as const;

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6');

/** One address or block: no host bits are asked for, `10.1.2.3/8` is `10.0.0.0/8`. */
export function isAddressBlock(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= LONGEST_PREFIX[familyOf(address)];
}

/** A test of addresses. What is no address is in no block; throws on a block that is none. */
export function addressMatcher(blocks: AddressBlocks): (address: string | undefined) => boolean {
  // One list for each family: in a common one `::/0` would hold every IPv4 address too.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const block of blocks) {
    const [address = '', prefix] = block.split('/');
    const family = familyOf(address);
    lists[family].addSubnet(address, prefix === undefined ? LONGEST_PREFIX[family] : Number(prefix), family);
  }
  return (address) => {
    const plain = plainAddress(address);
    const family = familyOf(plain);
    return isIP(plain) !== 0 && lists[family].check(plain, family);
  };
}

/** Is the address in one of the blocks? An empty list allows every address. */
export function isAllowed(address: string | undefined, blocks: AddressBlocks): boolean {
  return blocks.length === 0 || addressMatcher(blocks)(address);
}
