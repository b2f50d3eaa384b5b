import { parseArgs } from 'node:util';
import { measureCaptures, type CaptureLoad } from './captures.ts';
import { measureDetector } from './detector.ts';
import { measureHttp } from './http.ts';
import { percentile, type Memory } from './process-figures.ts';
import { measureRelay } from './relay.ts';
import { measureVault } from './vault.ts';

const KILOBYTE = 1024;

const MILLION = 1_000_000;

const FULL = {
  load: { calls: 40, rounds: 8, latencyCalls: 4 },
  minutes: 20,
  vault: { seals: 20_000, tokens: 4000 },
};
const QUICK = {
  load: { calls: 10, rounds: 2, latencyCalls: 2 },
  minutes: 2,
  vault: { seals: 2000, tokens: 400 },
};

const PARTS = ['captures', 'detector', 'http', 'vault'] as const;
type Part = (typeof PARTS)[number];

function line(what: string, figure: string, beside = ''): void {
  process.stdout.write(`${what.padEnd(62)}${figure.padStart(12)}   ${beside}\n`);
}

const ms = (figure: number): string => `${figure.toFixed(2)} ms`;
const kb = (bytes: number): string => `${Math.round(bytes / KILOBYTE)} kB`;

interface Asked {
  readonly quick: boolean;
  readonly parts: readonly string[];
}

/** Undefined when it is not in the usage. */
function readArguments(): Asked | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { quick: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const known = positionals.every((name) => (PARTS as readonly string[]).includes(name));
    return known ? { quick: values.quick, parts: positionals } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Measures and prints; asserts nothing. Figures are to be compared within one run only. Arguments: the parts to measure,
 * all of them by default, and `--quick`.
 */
async function main(): Promise<void> {
  const asked = readArguments();
  if (asked === undefined) {
    process.stderr.write(`npm run bench -- [--quick] [${PARTS.join('] [')}]\n`);
    process.exitCode = 2;
    return;
  }
  const { quick, parts } = asked;
  const wanted = (part: Part): boolean => parts.length === 0 || parts.includes(part);
  const { load, minutes, vault } = quick ? QUICK : FULL;
  if (wanted('captures')) {
    process.stdout.write(
      `one gateway process, ${load.calls} calls, ${load.rounds} captures on each of 24 keys 62 ms apart\n\n`,
    );
    await tellCaptures(load);
  }
  if (wanted('detector')) tellDetector(minutes);
  if (wanted('http')) tellHttp(quick ? await measureHttp(4, 2, 50) : await measureHttp());
  if (wanted('vault')) tellVault(await measureVault(vault));
}

async function tellCaptures(load: CaptureLoad): Promise<void> {
  const figures = await measureCaptures(load);
  const bare = await measureRelay(load.latencyCalls, figures.latencies.length);
  line('captures per second', figures.capturesPerSecond.toFixed(1));
  line('captures per second of the gateway’s processor time', figures.capturesPerProcessorSecond.toFixed(1));
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const [ours, relay] = [percentile(figures.latencies, share), percentile(bare, share)];
    line(
      `digit to server-sent event, ${load.latencyCalls} captures at a time, ${name}`,
      ms(ours),
      `bare relay ${ms(relay)}, ratio ${(ours / relay).toFixed(1)}`,
    );
  }
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const what = `digit to server-sent event, ${load.calls} captures at a time, ${name}`;
    line(what, ms(percentile(figures.latenciesUnderLoad, share)));
  }
  tellMemory('memory per connected call', figures.perCall);
  tellMemory('memory per open capture, beyond its call', figures.perOpenCapture);
}

function tellMemory(what: string, { resident, anonymous }: Memory): void {
  line(what, kb(resident), `of it heap and buffers ${kb(anonymous)}`);
}

function tellDetector(minutes: number): void {
  const { detector, bareLoop } = measureDetector(minutes);
  line(
    'tone detector, times faster than real time',
    detector.toFixed(0),
    `bare energy sum ${bareLoop.toFixed(0)}, ratio ${(bareLoop / detector).toFixed(1)}`,
  );
}

function tellHttp(http: Awaited<ReturnType<typeof measureHttp>>): void {
  for (const [what, ours, bare] of [
    ['authenticated GET of a capture, requests a second', http.reads, http.bareReads],
    ['captures created a second', http.creates, http.bareCreates],
  ] as const) {
    line(what, ours.toFixed(0), `bare route ${bare.toFixed(0)}, ratio ${(ours / bare).toFixed(2)}`);
  }
}

function tellVault(vault: Awaited<ReturnType<typeof measureVault>>): void {
  for (const [what, ours, bare, bareName] of [
    ['cards sealed a second', vault.seals, vault.bareSeals, 'bare node:crypto'],
    ['cards opened a second', vault.opens, vault.bareOpens, 'bare node:crypto'],
    ['cards put into the vault a second, with record', vault.tokenised, vault.bareInserts, 'bare insert'],
  ] as const) {
    line(what, ours.toFixed(0), `${bareName} ${bare.toFixed(0)}, ratio ${(ours / bare).toFixed(2)}`);
  }
  line('transactions a second with a record and nothing else', vault.recordsOnly.toFixed(0));
  line('cards taken out of the vault a second, with record', vault.reveals.toFixed(0));
  const megabytes = (bytesPerToken: number): string =>
    `${Math.round((bytesPerToken * MILLION) / (KILOBYTE * KILOBYTE))} MB`;
  // Not for a million: what grows by itself would be taken for what tokens take.
  const grown = kb(vault.processBytesPerToken * vault.measuredOver);
  line(`memory of the process, grown while ${vault.measuredOver} cards were stored`, grown);
  line('database per million tokens, indexes included', megabytes(vault.databaseBytesPerToken));
}

await main();
