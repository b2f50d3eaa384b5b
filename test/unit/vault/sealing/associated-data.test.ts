import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { KEY_PURPOSES, type KeyPurpose, type SealContext } from '../../../../src/vault/contract.ts';
import { associatedData } from '../../../../src/vault/sealing/associated-data.ts';

const place = fc.record({
  accountId: fc.string(),
  recordId: fc.string(),
  field: fc.string(),
  version: fc.nat(),
});

const same = (a: SealContext, b: SealContext): boolean =>
  a.accountId === b.accountId && a.recordId === b.recordId && a.field === b.field && a.version === b.version;

test('two places have two encodings', () => {
  const purpose = fc.constantFrom<KeyPurpose>(...KEY_PURPOSES);
  fc.assert(
    fc.property(purpose, place, purpose, place, (p, a, q, b) => {
      expect(associatedData(p, a).equals(associatedData(q, b))).toBe(p === q && same(a, b));
    }),
  );
});

test('text that runs over from one part into the next is told apart', () => {
  fc.assert(
    fc.property(place, fc.nat(20), (context, cut) => {
      const text = context.accountId + context.recordId;
      const at = Math.min(cut, text.length);
      const other = { ...context, accountId: text.slice(0, at), recordId: text.slice(at) };
      const equal = associatedData('card_data', context).equals(associatedData('card_data', other));
      expect(equal).toBe(same(context, other));
    }),
  );
});

test('the encoding is this one, for ever', () => {
  const context = { accountId: 'acc', recordId: 'r', field: 'f', version: 258 };
  expect(associatedData('grants', context).toString('latin1')).toBe(
    '\0\0\0\x18hushtone sealed value v1\0\0\0\x06grants\0\0\0\x03acc\0\0\0\x01r\0\0\0\x01f\0\0\0\0\0\0\x01\x02',
  );
});
