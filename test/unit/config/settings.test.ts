import { readdir, readFile } from 'node:fs/promises';
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { SETTINGS, settingsTable, type Setting } from '../../../src/config/settings.ts';

const settings: [string, Setting][] = Object.entries(SETTINGS);

test('the table has a row for every setting, with its default and its limits', () => {
  const table = settingsTable();
  for (const [name, setting] of settings) {
    const row = table.split('\n').find((line) => line.startsWith(`| \`${name}\` `));
    expect(row).toContain(setting.meaning);
    if (setting.default !== undefined) expect(row).toContain(`\`${setting.default}\``);
    if (setting.required !== undefined) expect(row).toContain(`required ${setting.required}`);
    for (const choice of setting.choices ?? []) expect(row).toContain(`\`${choice}\``);
  }
});

test('the table is written the way Prettier writes it, so that a document can hold it word for word', async () => {
  expect(await format(settingsTable(), { parser: 'markdown', printWidth: 110 })).toBe(settingsTable());
});

test('no cell breaks the table', () => {
  for (const [, setting] of settings) expect(`${setting.meaning}${setting.shape ?? ''}`).not.toMatch(/[|\n]/);
});

test('every default is within its limits', () => {
  for (const [name, { kind, default: value, minimum, maximum, choices }] of settings) {
    if (value === undefined) continue;
    const isRight =
      kind === 'integer'
        ? Number(value) >= Number(minimum) && Number(value) <= Number(maximum)
        : choices === undefined || choices.includes(value);
    expect(isRight, name).toBe(true);
  }
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
