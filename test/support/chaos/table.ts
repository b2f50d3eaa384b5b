/** Groups of named numbers, a line each. */
export function table(groups: Readonly<Record<string, Readonly<Record<string, number>>>>): string {
  const lines = Object.entries(groups).map(([group, numbers]) => {
    const told = Object.entries(numbers)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
    return `${group.padEnd(28)}${told === '' ? 'none' : told}`;
  });
  return ['', ...lines, ''].join('\n');
}
