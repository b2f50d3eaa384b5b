import { parseArgs } from 'node:util';
import { measureCaptures, type CaptureLoad } from './captures.ts';
import { measureDetector } from './detector.ts';
import { measureHttp } from './http.ts';
import { percentile, type Memory } from './process-figures.ts';
import { measureRelay } from './relay.ts';

const KILOBYTE = 1024;

const FULL = { load: { calls: 40, rounds: 8, latencyCalls: 4 }, minutes: 20 };
const QUICK = { load: { calls: 10, rounds: 2, latencyCalls: 2 }, minutes: 2 };

function line(what: string, figure: string, beside = ''): void {
  process.stdout.write(`${what.padEnd(62)}${figure.padStart(12)}   ${beside}\n`);
}

const ms = (figure: number): string => `${figure.toFixed(2)} ms`;
const kb = (bytes: number): string => `${Math.round(bytes / KILOBYTE)} kB`;

/** Measures and prints; asserts nothing. Figures are to be compared within one run only. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  const { load, minutes } = values.quick ? QUICK : FULL;
  process.stdout.write(
    `one gateway process, ${load.calls} calls, ${load.rounds} captures on each of 24 keys 62 ms apart\n\n`,
  );
  await tellCaptures(load);
  tellDetector(minutes);
  tellHttp(values.quick ? await measureHttp(4, 2, 50) : await measureHttp());
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

await main();
