import { describe, expect, it } from 'vitest';
import { isJsonPointer, valueAt } from '../../../../src/payments/template/json-pointer.ts';

/** The document and the pointers of RFC 6901, section 5. */
const DOCUMENT = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'i\\j': 5,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
};

describe('JSON Pointer', () => {
  it.each([
    ['', DOCUMENT],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('reads %s', (pointer, value) => {
    expect(isJsonPointer(pointer)).toBe(true);
    expect(valueAt(DOCUMENT, pointer)).toEqual(value);
  });

  it.each(['/none', '/foo/2', '/foo/-', '/foo/00', '/foo/length', '/foo/0/0', '/constructor', '/a~1b/x'])(
    'finds nothing at %s',
    (pointer) => {
      expect(valueAt(DOCUMENT, pointer)).toBeUndefined();
    },
  );

  it('reads ~01 as ~1', () => {
    expect(valueAt({ '~1': 'yes', '/': 'no' }, '/~01')).toBe('yes');
  });

  it.each(['foo', '/~', '/~2', '/a~'])('is not %s', (text) => {
    expect(isJsonPointer(text)).toBe(false);
  });
});
