import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/secrets/secret.ts';
import { printed } from './printed.ts';

describe('Secret', () => {
  it('reveals its value where it is asked to', () => {
    expect(new Secret('correct horse').reveal()).toBe('correct horse');
  });

  it.each(printed)('is [secret] by $way', ({ print }) => {
    const text = print(new Secret('correct horse'));
    expect(text).toContain('[secret]');
    expect(text).not.toContain('horse');
  });

  it('shows nothing to whoever ignores how it wants to be printed', () => {
    const secret = new Secret('correct horse');
    expect(inspect(secret, { customInspect: false, showHidden: true })).not.toContain('horse');
    expect(Reflect.ownKeys(secret)).toEqual([]);
    expect(structuredClone(secret)).toEqual({});
  });
});
