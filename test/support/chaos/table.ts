/** Groups of named numbers, a line each, the names in their order. */
export function table(groups: Readonly<Record<string, Readonly<Record<string, number>>>>): string {
  const lines = Object.entries(groups).map(([group, numbers]) => {
    const told = Object.entries(numbers)
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
    return `${group.padEnd(28)}${told === '' ? 'none' : told}`;
  });
  return ['', ...lines, ''].join('\n');
}
