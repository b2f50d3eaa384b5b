import { array, assert, constantFrom, integer, json, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonMistake, JsonStream, type JsonSink } from '../../../../src/workflows/connector/json-stream.ts';

/** Tells what came as one line for each thing. */
class Recorder implements JsonSink {
  readonly lines: string[] = [];
  #bytes: number[] = [];
  #kind = '';

  beginText(kind: 'name' | 'value', depth: number): void {
    this.#bytes = [];
    this.#kind = `${kind} ${depth}`;
  }
  byte(byte: number): void {
    this.#bytes.push(byte);
  }
  endText(): void {
    this.lines.push(`${this.#kind} ${Buffer.from(this.#bytes).toString('utf8')}`);
  }
  value(kind: string, depth: number): void {
    this.lines.push(`${kind} ${depth}`);
  }
  leave(depth: number): void {
    this.lines.push(`leave ${depth}`);
  }
}

/** `cuts` says how long the pieces are, in turn; the last one takes the rest. */
function read(text: string | Buffer, cuts: readonly number[] = []): string[] {
  const recorder = new Recorder();
  const stream = new JsonStream(recorder);
  let bytes = Buffer.from(text);
  for (const cut of cuts) {
    stream.write(bytes.subarray(0, cut));
    bytes = bytes.subarray(cut);
  }
  stream.write(bytes);
  stream.end();
  return recorder.lines;
}

const ACCEPTED = [
  '{}',
  ' { } ',
  '{"a":1}',
  '{"a":-0.5e+10,"b":[],"c":[1,[2]],"d":{"e":null}}',
  '{"a":true , "b" :\tfalse\r\n}',
  '{"a":0}',
];
const REFUSED = [
  '',
  '[]',
  '"a"',
  '{',
  '{}}',
  '{} {}',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{,}',
  "{'a':1}",
  '{a:1}',
  '{"a":01}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":+1}',
  '{"a":1e}',
  '{"a":-}',
  '{"a":1e5.5}',
  '{"a":tru}',
  '{"a":truee}',
  '{"a":nul',
  '{"a":[1,]}',
  '{"a":[1}',
  '{"a":{]}',
  '{"a":"b}',
  '{"a":"\n"}',
  '{"a":"\\x"}',
  '{"a":"\\u12g4"}',
  '{"a":"\\ud83d"}',
  '{"a":"\\ud83dx"}',
  '{"a":"\\udc00"}',
  '{"a":"\\ud83d\\n"}',
  '{"a":NaN}',
  '{"a":1//2}',
  `{"a":${'['.repeat(8)}${']'.repeat(8)}}`,
];

describe('JsonStream', () => {
  it('tells names, texts and kinds, with their depth', () => {
    expect(read('{"a":"x","b":{"c":[1,"y",null],"d":{}},"e":false}')).toEqual([
      'name 1 a',
      'value 1 x',
      'name 1 b',
      'object 1',
      'name 2 c',
      'array 2',
      'number 3',
      'value 3 y',
      'null 3',
      'leave 2',
      'name 2 d',
      'object 2',
      'leave 2',
      'leave 1',
      'name 1 e',
      'boolean 1',
    ]);
  });

  it('undoes escapes', () => {
    expect(read('{"\\u0061\\n":"\\"\\\\\\/\\b\\f\\r\\t\\u00e9\\u20AC\\ud83d\\ude00é"}')).toEqual([
      'name 1 a\n',
      'value 1 "\\/\b\f\r\té€😀é',
    ]);
  });

  it.each(ACCEPTED)('takes %s', (text) => {
    expect(() => read(text)).not.toThrow();
  });

  it.each(REFUSED)('refuses %s', (text) => {
    expect(() => read(text)).toThrow(JsonMistake);
  });

  it('judges as JSON.parse does, and tells the same however the pieces are cut', () => {
    const cuts = array(integer({ min: 0, max: 7 }), { maxLength: 30 });
    assert(
      property(json({ maxDepth: 4 }), cuts, (value, pieces) => {
        const text = `{"value":${value}}`;
        expect(read(text, pieces)).toEqual(read(text));
      }),
    );
    const characters = constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      '0',
      '1',
      '-',
      '.',
      'e',
      'u',
      'a',
      ' ',
      'null',
    );
    assert(
      property(array(characters, { maxLength: 12 }), (parts) => {
        const text = `{"a":${parts.join('')}}`;
        expect(refuses(() => read(text))).toBe(refuses(() => JSON.parse(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it('gives back any text', () => {
    assert(
      property(string({ unit: 'grapheme' }), (text) => {
        expect(read(JSON.stringify({ text }))).toEqual(['name 1 text', `value 1 ${text}`]);
      }),
    );
  });
});

function refuses(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}
