/**
 * Flags of Node that open the process's memory to others or write it to a disk: inspectors, heap snapshots and
 * profiles, diagnostic reports (stacks and the whole environment), core files.
 */
const LEAKING_FLAG =
  /^--(?:inspect(?!-port$|-publish-uid$)(?:-.*)?|heapsnapshot-.*|heap-prof(?:-.*)?|report-on-.*|report-uncaught-exception|abort-on-uncaught-exception)$/;

/** The words of `NODE_OPTIONS`, which Node splits at spaces outside double quotes. */
function words(nodeOptions: string): string[] {
  return (nodeOptions.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? []).map((word) => word.replaceAll('"', ''));
}

/** Node takes `_` for `-` in a flag's name. */
function nameOf(flag: string): string {
  const [name = ''] = flag.split('=');
  return name.replaceAll('_', '-');
}

/** The flags, as Node names them, that would let digits out of this process. Each is named once. */
export function leakingFlags(execArgv: readonly string[], nodeOptions = ''): string[] {
  const names = [...execArgv, ...words(nodeOptions)].map(nameOf);
  return [...new Set(names.filter((name) => LEAKING_FLAG.test(name)))];
}
