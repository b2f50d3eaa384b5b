import { readdir, readFile } from 'node:fs/promises';
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { settingsTable } from '../../../src/config/settings-document.ts';
import { SETTINGS, type Setting } from '../../../src/config/settings.ts';

const settings: [string, Setting][] = Object.entries(SETTINGS);

test('the table has a row for every setting, with its default and its limits', () => {
  const lines = settingsTable().split('\n');
  for (const [name, setting] of settings) {
    const row = lines.find((line) => line.startsWith(`| \`${name}\` `)) ?? '';
    const { meaning, default: value, required, choices = [] } = setting;
    const quoted = [...(value === undefined ? [] : [value]), ...choices].map((text) => `\`${text}\``);
    const parts = [meaning, ...(required === undefined ? [] : [`required ${required}`]), ...quoted];
    expect(parts.filter((part) => !row.includes(part))).toEqual([]);
  }
});

test('the table is written the way Prettier writes it, so that a document can hold it word for word', async () => {
  expect(await format(settingsTable(), { parser: 'markdown', printWidth: 110 })).toBe(settingsTable());
});

test('no cell breaks the table', () => {
  for (const [, setting] of settings) expect(`${setting.meaning}${setting.shape ?? ''}`).not.toMatch(/[|\n]/);
});

test('every default is within its limits', () => {
  const wrong = settings.filter(([, { kind, default: value, minimum, maximum, choices }]) => {
    if (value === undefined) return false;
    if (kind === 'integer') return !(Number(value) >= Number(minimum) && Number(value) <= Number(maximum));
    return choices !== undefined && !choices.includes(value);
  });
  expect(wrong).toEqual([]);
});

test('every setting is read, and only one file reads the environment', async () => {
  const directory = new URL('../../../src/', import.meta.url);
  const names = await readdir(directory, { recursive: true });
  const sources = await Promise.all(
    names
      .filter((name) => name.endsWith('.ts'))
      .map(async (name) => ({ name, text: await readFile(new URL(name, directory), 'utf8') })),
  );
  const readers = sources.filter(({ text }) =>
    /process\.env\b|\benv\b[^;]*from 'node:process'/.test(text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')),
  );
  expect(readers.map(({ name }) => name)).toEqual(['config/environment.ts']);
  const reading = sources
    .filter(({ name }) => name.startsWith('config/') && name !== 'config/settings.ts')
    .map(({ text }) => text)
    .join('\n');
  for (const [name] of settings) expect(reading).toContain(`'${name}'`);
});
