import { format, inspect } from 'node:util';

interface Printable {
  toString(): string;
  toJSON(): string;
}

/** Every way in which JavaScript and Node turn a value into text without being asked for its content. */
export const printed: readonly { way: string; print: (value: Printable) => string }[] = [
  { way: 'String', print: (value) => String(value) },
  { way: 'toString', print: (value) => value.toString() },
  { way: 'a template', print: (value) => `it is ${value as unknown as string}` },
  { way: 'concatenation', print: (value) => 'it is ' + (value as unknown as string) },
  { way: 'joining an array', print: (value) => [value].join(',') },
  { way: 'JSON', print: (value) => JSON.stringify(value) },
  { way: 'JSON within an object', print: (value) => JSON.stringify({ deep: [{ value }] }) },
  { way: 'inspect', print: (value) => inspect(value) },
  { way: 'inspect with hidden properties', print: (value) => inspect(value, { showHidden: true }) },
  { way: 'inspect within an object', print: (value) => inspect({ deep: { value } }) },
  { way: 'format %s', print: (value) => format('%s', value) },
  { way: 'format %o', print: (value) => format('%o', value) },
  { way: 'format %O', print: (value) => format('%O', value) },
  { way: 'format %j', print: (value) => format('%j', value) },
  { way: 'an error message', print: (value) => new Error(String(value)).message },
  { way: 'an error cause', print: (value) => inspect(new Error('failed', { cause: value })) },
];
