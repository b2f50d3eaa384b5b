import { expectedOf, SETTINGS, type Setting, type SettingName } from './settings.ts';

function defaultCell(setting: Setting): string {
  const fallback = setting.default === undefined ? setting.defaultInWords : `\`${setting.default}\``;
  const required = setting.required === undefined ? undefined : `required ${setting.required}`;
  return [required, fallback].filter((part) => part !== undefined).join('; else ') || 'none';
}

function table(names: readonly SettingName[]): string {
  const header = ['Setting', 'Default', 'Meaning', 'Value'];
  const rows = names.map((name) => {
    const setting: Setting = SETTINGS[name];
    return [`\`${name}\``, defaultCell(setting), setting.meaning, expectedOf(name)];
  });
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

/** Every setting as Markdown, a heading and a table for each group, written the way Prettier writes it. */
export function settingsTable(): string {
  const all = Object.keys(SETTINGS) as SettingName[];
  const groups = new Set(all.map((name) => SETTINGS[name].group));
  return [...groups]
    .map((group) => `## ${group}\n\n${table(all.filter((name) => SETTINGS[name].group === group))}\n`)
    .join('\n');
}
