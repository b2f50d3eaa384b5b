import { expect, test } from 'vitest';
import {
  addressMatcher,
  isAddressBlock,
  isAllowed,
  plainAddress,
  siteOf,
} from '../../../src/access/networks.ts';

test.each([
  '10.0.0.1',
  '10.0.0.0/8',
  '10.1.2.3/8',
  '0.0.0.0/0',
  '::1',
  '2001:db8::/32',
  '::/0',
  'fd00::1/128',
])('%s is a block', (text) => expect(isAddressBlock(text)).toBe(true));

test.each([
  '',
  '10.0.0',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  '::/129',
  'host',
  'fe80::1%eth0/64',
])('%s is none', (text) => expect(isAddressBlock(text)).toBe(false));

test.each<[string, string[], boolean]>([
  ['10.1.2.3', [], true],
  ['10.1.2.3', ['10.0.0.0/8'], true],
  ['11.1.2.3', ['10.0.0.0/8'], false],
  ['192.0.2.7', ['10.0.0.0/8', '192.0.2.7'], true],
  ['192.0.2.8', ['192.0.2.7'], false],
  // What a listener on :: sees of an IPv4 client, with and without the list knowing about IPv6.
  ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
  ['::ffff:11.1.2.3', ['10.0.0.0/8'], false],
  ['2001:db8::1', ['2001:db8::/32'], true],
  ['2001:db9::1', ['2001:db8::/32'], false],
  ['fe80::1%eth0', ['fe80::/10'], true],
  ['10.1.2.3', ['::/0'], false],
  ['2001:db8::1', ['0.0.0.0/0'], false],
  ['not an address', ['0.0.0.0/0', '::/0'], false],
  ['', ['0.0.0.0/0'], false],
])('%s in %j: %s', (address, blocks, allowed) => expect(isAllowed(address, blocks)).toBe(allowed));

test('an IPv4 address is shown as one, however the socket names it', () => {
  expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(plainAddress('::FFFF:192.0.2.1')).toBe('192.0.2.1');
  expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
});

test('a connection that is gone has no address, and is in no block', () => {
  expect(plainAddress(undefined)).toBe('');
  expect(siteOf(undefined)).toBe('');
  expect(addressMatcher(['0.0.0.0/0', '::/0'])(undefined)).toBe(false);
  expect(isAllowed(undefined, ['0.0.0.0/0'])).toBe(false);
});
