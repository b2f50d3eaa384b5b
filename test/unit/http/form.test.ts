import { describe, expect, it } from 'vitest';
import { readForm } from '../../../src/http/form.ts';

describe('a form', () => {
  it('is its parameters, decoded', () => {
    expect(readForm('a=1&b=x+y%26z&c=%C3%A9')).toEqual({ a: '1', b: 'x y&z', c: 'é' });
  });

  it('leaves out what has no value', () => expect(readForm('a=&b&c=1')).toEqual({ c: '1' }));

  it('has no parameter twice, with a value or without', () => {
    for (const body of ['a=1&a=1', 'a=1&a=', 'a&a']) {
      expect(() => readForm(body)).toThrow(expect.objectContaining({ code: 'parameter_repeated' }));
    }
  });

  it('takes names that mean something to JavaScript as what they are', () => {
    const form = readForm('__proto__=x&constructor=y');
    expect(Object.keys(form)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(form)).toBe(Object.prototype);
  });
});
