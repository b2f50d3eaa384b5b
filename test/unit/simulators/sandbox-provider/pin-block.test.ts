import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openPinBlock } from '../../../../simulators/sandbox-provider/pin-block.ts';

const KEY = createSecretKey(Buffer.from('C1D0F8FB4958670DBA40AB1F3752EF0D', 'hex'));
const BLOCK = Buffer.from('CC17F65586BFD0953010226C4FC5B3CA', 'hex');

describe('openPinBlock', () => {
  it('opens the published vector', () => {
    expect(openPinBlock(BLOCK, '432198765432109870', KEY)).toBe('1234');
  });

  it('opens nothing with another card number, another key or another length', () => {
    expect(openPinBlock(BLOCK, '432198765432109871', KEY)).toBeUndefined();
    expect(openPinBlock(BLOCK, '432198765432109870', createSecretKey(Buffer.alloc(16)))).toBeUndefined();
    expect(openPinBlock(BLOCK.subarray(1), '432198765432109870', KEY)).toBeUndefined();
  });
});
