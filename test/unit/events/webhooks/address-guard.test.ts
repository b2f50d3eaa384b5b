import { describe, expect, test } from 'vitest';
import { isAddressAllowed, isLoopback } from '../../../../src/kernel/address-guard.ts';
import { checkEndpointUrl } from '../../../../src/events/webhooks/endpoint-url.ts';

const PUBLIC = { allowPrivate: false, allowPlainLoopback: false };
const PRIVATE = { allowPrivate: true, allowPlainLoopback: false };
const DEVELOPMENT = { allowPrivate: true, allowPlainLoopback: true };

/** Refused unless the installation allows private addresses. */
const PRIVATE_ADDRESSES = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '100.64.0.1',
  '100.127.255.255',
  '::1',
  'fc00::1',
  'fdff:ffff::1',
];

/** Refused in any case. */
const FORBIDDEN_ADDRESSES = [
  '0.0.0.0',
  '0.1.2.3',
  '169.254.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::ffff:c0a8:1',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '::ffff:8.8.8.8',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a00:1',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
  'fd20:ce::254',
  'ff02::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '100::1',
  '5f00::1',
  '',
  'localhost',
  '127.1',
];

const PUBLIC_ADDRESSES = [
  '8.8.8.8',
  '1.1.1.1',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '2a00:1450::8a',
];

describe('an address', () => {
  test.each(PRIVATE_ADDRESSES)('%s is for installations that allow it', (address) => {
    expect(isAddressAllowed(address, PUBLIC)).toBe(false);
    expect(isAddressAllowed(address, PRIVATE)).toBe(true);
  });

  test.each(FORBIDDEN_ADDRESSES)('%s is refused in any case', (address) => {
    expect(isAddressAllowed(address, PUBLIC)).toBe(false);
    expect(isAddressAllowed(address, DEVELOPMENT)).toBe(false);
  });

  test.each(PUBLIC_ADDRESSES)('%s is the public internet', (address) => {
    expect(isAddressAllowed(address, PUBLIC)).toBe(true);
  });

  test.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', false],
    ['10.0.0.1', false],
    ['localhost', false],
  ])('%s is loopback: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});

describe("an endpoint's URL", () => {
  test.each([
    'not a url',
    'http://example.com/',
    'ftp://example.com/',
    'https://user@example.com/',
    'https://user:secret@example.com/',
    'https://example.com/#part',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://localhost/',
    'https://localhost./',
    'https://api.localhost:8443/',
    'https://metadata.google.internal/',
    'https://printer.local/',
    `https://example.com/${'x'.repeat(2048)}`,
  ])('%s is refused', (url) => {
    expect(() => checkEndpointUrl(url, PUBLIC)).toThrow(
      expect.objectContaining({ code: 'webhook_url_refused' }),
    );
  });

  test.each(['https://example.com/hooks?x=1', 'https://8.8.8.8:8443/', 'https://[2606:4700::1111]/'])(
    '%s is taken',
    (url) => {
      expect(checkEndpointUrl(url, PUBLIC)).toBe(url);
    },
  );

  test('plain HTTP is for loopback, in development', () => {
    for (const url of ['http://127.0.0.1:8080/', 'http://localhost:8080/', 'http://[::1]/']) {
      expect(checkEndpointUrl(url, DEVELOPMENT)).toBe(url);
      expect(() => checkEndpointUrl(url, PRIVATE)).toThrow('https:');
    }
    expect(() => checkEndpointUrl('http://10.0.0.1/', DEVELOPMENT)).toThrow('https:');
    expect(checkEndpointUrl('https://10.0.0.1/', PRIVATE)).toBe('https://10.0.0.1/');
    expect(() => checkEndpointUrl('https://169.254.169.254/', DEVELOPMENT)).toThrow('public address');
  });
});
