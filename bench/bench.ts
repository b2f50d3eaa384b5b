import { parseArgs } from 'node:util';
import { measureCaptures, p50, p99 } from './captures.ts';
import { measureDetector } from './detector.ts';
import { measureHttp } from './http.ts';
import { measureRelay } from './relay.ts';

const KILOBYTE = 1024;

function line(what: string, figure: string, beside = ''): void {
  process.stdout.write(`${what.padEnd(58)}${figure.padStart(14)}   ${beside}\n`);
}

const ms = (figure: number): string => `${figure.toFixed(2)} ms`;
const kb = (bytes: number): string => `${Math.round(bytes / KILOBYTE)} kB`;

/** Measures and prints; asserts nothing. Figures are to be compared within one run only. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  const [calls, rounds, minutes] = values.quick ? [10, 2, 2] : [50, 4, 20];

  process.stdout.write(`captures on ${calls} calls at once, ${rounds} on each, one gateway process\n`);
  const captures = await measureCaptures(calls, rounds);
  const relay = await measureRelay(calls, captures.latencies.length);
  const detector = measureDetector(minutes);
  const http = values.quick ? await measureHttp(4, 2, 50) : await measureHttp();

  line('captures per second (each keys 24 keys, 62 ms apart)', captures.capturesPerSecond.toFixed(1));
  line('captures per second of the gateway’s processor time', captures.capturesPerProcessorSecond.toFixed(1));
  for (const [name, of] of [
    ['p50', p50],
    ['p99', p99],
  ] as const) {
    const [ours, bare] = [of(captures.latencies), of(relay)];
    line(
      `digit to server-sent event, ${name}`,
      ms(ours),
      `bare relay ${ms(bare)}, ratio ${(ours / bare).toFixed(1)}`,
    );
  }
  line('memory per connected call', kb(captures.bytesPerCall));
  line('memory per open capture, beyond its call', kb(captures.bytesPerOpenCapture));
  const ratio = (detector.bareLoop / detector.detector).toFixed(1);
  line(
    'tone detector, times faster than real time',
    detector.detector.toFixed(0),
    `bare energy sum ${detector.bareLoop.toFixed(0)}, ratio ${ratio}`,
  );
  for (const [what, ours, bare] of [
    ['authenticated GET of a capture, requests a second', http.reads, http.bareReads],
    ['captures created a second', http.creates, http.bareCreates],
  ] as const) {
    line(what, ours.toFixed(0), `bare route ${bare.toFixed(0)}, ratio ${(ours / bare).toFixed(2)}`);
  }
}

await main();
