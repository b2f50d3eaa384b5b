import { describe, expect, test } from 'vitest';
import { decryptGcm, encryptGcm } from '../../../../src/vault/sealing/gcm.ts';
import { hexOf, secretOf } from '../../../support/secret-bytes.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

const KEY = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308';
const TEXT =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';

/** McGrew and Viega, The Galois/Counter Mode of Operation, appendix B; NIST CAVP, gcmEncryptExtIV256. */
const VECTORS = [
  {
    name: 'test case 13',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    data: '',
    text: '',
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: 'test case 14',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    data: '',
    text: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: 'test case 16',
    key: KEY,
    nonce: 'cafebabefacedbaddecaf888',
    data: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    text: TEXT,
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b',
  },
  {
    name: 'CAVP, no text',
    key: 'b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4',
    nonce: '516c33929df5a3284ff463d7',
    data: '',
    text: '',
    sealed: 'bdc1ac884d332457a1d2664f168c76f0',
  },
  {
    name: 'CAVP, text and associated data',
    key: '92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b',
    nonce: 'ac93a1a6145299bde902f21a',
    data: '1e0889016f67601c8ebea4943bc23ad6',
    text: '2d71bcfa914e4ac045b2aa60955fad24',
    sealed: '8995ae2e6df3dbf96fac7b7137bae67feca5aa77d51d4a0a14d9c51e1da474ab',
  },
];

describe.each(VECTORS)('AES-256-GCM: $name', ({ key, nonce, data, text, sealed }) => {
  test('encrypts to the published text and tag', () => {
    using secretKey = secretOf(bytes(key));
    using plaintext = secretOf(bytes(text));
    expect(encryptGcm(secretKey, bytes(nonce), bytes(data), plaintext).toString('hex')).toBe(sealed);
  });

  test('decrypts to the published plaintext', () => {
    using secretKey = secretOf(bytes(key));
    using opened = decryptGcm(secretKey, bytes(nonce), bytes(data), bytes(sealed));
    expect(hexOf(opened)).toBe(text);
  });

  test('with any part changed it gives nothing', () => {
    using secretKey = secretOf(bytes(key));
    using otherKey = secretOf(bytes(`01${key.slice(2)}`));
    const changed = (hex: string): Buffer => {
      const copy = bytes(hex);
      copy[0] = (copy[0] ?? 0) ^ 1;
      return copy;
    };
    const tries = [
      () => decryptGcm(otherKey, bytes(nonce), bytes(data), bytes(sealed)),
      () => decryptGcm(secretKey, changed(nonce), bytes(data), bytes(sealed)),
      () => decryptGcm(secretKey, bytes(nonce), bytes(`${data}00`), bytes(sealed)),
      () => decryptGcm(secretKey, bytes(nonce), bytes(data), changed(sealed)),
      () => decryptGcm(secretKey, bytes(nonce), bytes(data), bytes(sealed.slice(2))),
    ];
    for (const open of tries) expect(open).toThrow(expect.objectContaining({ code: 'sealed_value_invalid' }));
  });
});
