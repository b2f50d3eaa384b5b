import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueLeaf, type Authority, type Issued } from '../../../src/pki/certificate.ts';

const FROM = new Date('2030-01-01T00:00:00Z');

let ca: Authority;
let server: Issued;
let client: Issued;

beforeAll(async () => {
  const validity = { from: FROM, days: 30 };
  ca = await createAuthority('Test CA', validity);
  server = await issueLeaf(ca, { commonName: 'gateway', usage: 'server' }, validity);
  client = await issueLeaf(ca, { commonName: 'gateway', usage: 'client' }, validity);
});

test('an authority is one, signs itself and is marked as made for development', () => {
  const certificate = new X509Certificate(ca.certificate);
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe('O=Hushtone Development\nCN=Test CA');
});

describe('a leaf', () => {
  test('is issued and signed by its authority and no other', async () => {
    const other = await createAuthority('Test CA', { from: FROM, days: 30 });
    const leaf = new X509Certificate(server.certificate);
    const authority = new X509Certificate(ca.certificate);
    expect(leaf.checkIssued(authority)).toBe(true);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    // Same name, other key: the key identifiers tell them apart even before the signature does.
    expect(leaf.checkIssued(new X509Certificate(other.certificate))).toBe(false);
    expect(leaf.verify(new X509Certificate(other.certificate).publicKey)).toBe(false);
  });

  test('is no authority and names this machine only', () => {
    const leaf = new X509Certificate(server.certificate);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkIP('::1')).toBe('::1');
    expect(leaf.checkHost('example.com')).toBeUndefined();
  });

  test('is valid from a little before its making, for as long as asked', () => {
    const leaf = new X509Certificate(server.certificate);
    expect(new Date(leaf.validFrom)).toEqual(new Date('2029-12-31T23:55:00Z'));
    expect(new Date(leaf.validTo)).toEqual(new Date('2030-01-31T00:00:00Z'));
  });

  test.each([
    ['server', () => server, '1.3.6.1.5.5.7.3.1'],
    ['client', () => client, '1.3.6.1.5.5.7.3.2'],
  ])('for a %s is for nothing else', (_usage, issued, purpose) => {
    expect(new X509Certificate(issued().certificate).keyUsage).toEqual([purpose]);
  });

  test('has a positive serial number of its own', () => {
    const serials = [ca, server, client].map(
      ({ certificate }) => new X509Certificate(certificate).serialNumber,
    );
    expect(new Set(serials).size).toBe(3);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});
