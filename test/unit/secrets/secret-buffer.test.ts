import * as fc from 'fast-check';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { printed } from './printed.ts';

const TEXT = '4242424242424242';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

function filled(text: string, capacity = 19): SecretBuffer {
  const secret = new SecretBuffer(capacity);
  secret.appendBytes(bytes(text));
  return secret;
}

const read = (secret: SecretBuffer): string => secret.use((view) => new TextDecoder().decode(view));

describe('SecretBuffer', () => {
  it('holds what is appended, byte by byte or at once', () => {
    const secret = new SecretBuffer(19);
    for (const byte of bytes('4242')) secret.append(byte);
    secret.appendBytes(bytes('1881'));
    expect(read(secret)).toBe('42421881');
    expect(secret.length).toBe(8);
    expect(secret.capacity).toBe(19);
    expect(secret.wiped).toBe(false);
  });

  it.each(printed)('is [secret] by $way', ({ print }) => {
    const text = print(filled(TEXT));
    expect(text).toContain('[secret]');
    expect(text).not.toContain('4242');
  });

  it('shows nothing to whoever ignores how it wants to be printed', () => {
    const secret = filled(TEXT);
    expect(inspect(secret, { customInspect: false, showHidden: true, depth: 9 })).not.toContain('52');
    expect(Object.keys(secret)).toEqual([]);
    expect(Reflect.ownKeys(secret)).toEqual([]);
    expect(serialize(secret).toString('latin1')).not.toContain('4242');
    expect(structuredClone(secret)).toEqual({});
    expect(Number(secret)).toBeNaN();
  });

  it('is wiped at the end of its scope, also by an error', () => {
    let seen: SecretBuffer | undefined;
    let memory: Uint8Array | undefined;
    expect(() => {
      using secret = filled(TEXT);
      seen = secret;
      memory = secret.use((view) => view);
      throw new Error('planned');
    }).toThrow('planned');
    expect(seen?.wiped).toBe(true);
    expect(seen?.length).toBe(0);
    expect([...memory!]).toEqual(Array.from({ length: TEXT.length }, () => 0));
  });

  it('lends the memory itself and no copy, off the heap of V8', () => {
    const secret = filled('1', 1);
    const view = secret.use((lent) => lent);
    expect(view.buffer.byteLength).toBeGreaterThanOrEqual(65);
    secret.wipe();
    expect(view[0]).toBe(0);
  });

  it('zeroes what it held when cleared, and can be filled again', () => {
    const secret = filled(TEXT);
    const memory = secret.use((view) => view);
    secret.clear();
    expect([...memory].every((byte) => byte === 0)).toBe(true);
    expect(secret.length).toBe(0);
    secret.appendBytes(bytes('99'));
    expect(read(secret)).toBe('99');
  });

  it('refuses every use once wiped', () => {
    const secret = filled(TEXT);
    secret.wipe();
    secret.wipe();
    const other = filled('1');
    const uses: (() => unknown)[] = [
      () => secret.append(0x31),
      () => secret.appendBytes(bytes('1')),
      () => secret.clear(),
      () => secret.use(() => undefined),
      () => secret.equals(other),
      () => other.equals(secret),
    ];
    for (const use of uses) expect(use).toThrow(withCode('secret_wiped'));
    expect(secret.toString()).toBe('[secret]');
  });

  it('refuses more than its capacity and keeps what it has', () => {
    const secret = filled('123', 4);
    expect(() => secret.appendBytes(bytes('45'))).toThrow(withCode('secret_full'));
    expect(read(secret)).toBe('123');
    secret.append(0x34);
    expect(() => secret.append(0x35)).toThrow(withCode('secret_full'));
    expect(read(secret)).toBe('1234');
  });

  it.each([-1, 256, 1.5, Number.NaN])('refuses %d as a byte', (value) => {
    const secret = filled('1');
    expect(() => secret.append(value)).toThrow(withCode('secret_byte'));
    expect(read(secret)).toBe('1');
  });

  it.each([0, -1, 1.5, Number.NaN, 4097])('refuses a capacity of %d', (capacity) => {
    expect(() => new SecretBuffer(capacity)).toThrow(withCode('secret_capacity'));
  });

  it('carries no digit in its errors', () => {
    const secret = filled('9876', 4);
    const refusals: unknown[] = [];
    for (const use of [
      () => secret.append(0x35),
      () => secret.append(-1),
      () => secret.wipe(),
      () => secret.clear(),
    ]) {
      try {
        use();
      } catch (error) {
        refusals.push(error);
      }
    }
    expect(refusals).toHaveLength(3);
    expect(format('%o %j', refusals, refusals)).not.toContain('9876');
  });

  it('equals another by content and length, whatever their capacities', () => {
    const capacity = fc.integer({ min: 20, max: 200 });
    const content = fc.uint8Array({ maxLength: 20 });
    const sameOrOther = fc.tuple(content, content, fc.boolean()).map(([a, b, same]) => [a, same ? a : b]);
    fc.assert(
      fc.property(sameOrOther, capacity, capacity, ([a, b], capacityOfA, capacityOfB) => {
        using left = new SecretBuffer(capacityOfA);
        using right = new SecretBuffer(capacityOfB);
        left.appendBytes(a!);
        right.appendBytes(b!);
        const expected = Buffer.from(a!).equals(Buffer.from(b!));
        expect(left.equals(right)).toBe(expected);
        expect(right.equals(left)).toBe(expected);
      }),
    );
  });

  it('tells a value from the same one with zeros after it', () => {
    for (const capacity of [4, 300]) {
      using short = filled('1', 4);
      using long = filled('1\0', capacity);
      expect(short.equals(long)).toBe(false);
      expect(long.equals(short)).toBe(false);
    }
  });

  it('takes content up to its largest capacity in a comparison', () => {
    using small = filled('1', 4);
    using large = new SecretBuffer(4096);
    large.appendBytes(new Uint8Array(4096).fill(0x31));
    expect(small.equals(large)).toBe(false);
    expect(large.equals(large)).toBe(true);
  });
});
