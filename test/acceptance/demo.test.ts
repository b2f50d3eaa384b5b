import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeWithMultimon } from '../../simulators/audio/multimon.ts';
import { rmsDbfs } from '../../simulators/audio/measure.ts';
import { readWav } from '../../simulators/audio/wav.ts';
import type { CaptureEvent } from '../../src/workflows/contract.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly directory: string;
}

const directories: string[] = [];
const children: ChildProcess[] = [];

async function start(
  args: readonly string[],
): Promise<{ child: ChildProcessByStdio<null, Readable, Readable>; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'demo-'));
  directories.push(directory);
  const child = spawn(process.execPath, [MAIN, 'demo', ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return { child, directory };
}

async function runDemo(args: readonly string[]): Promise<Outcome> {
  const { child, directory } = await start(args);
  const exited = once(child, 'exit') as Promise<[number]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, out, err, directory };
}

afterAll(async () => {
  // Only after a failure is one of them still there; it stops what it has started.
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill(child.spawnfile === 'bash' ? 'SIGKILL' : 'SIGINT');
    await once(child, 'exit');
  }
  await Promise.all(directories.map(async (each) => await rm(each, { recursive: true, force: true })));
});

interface Run {
  readonly args: string;
  readonly transport: string;
  readonly heardAgain: 'while it runs' | 'after it';
  readonly result: 'succeeded' | 'declined';
}

const RUNS: readonly Run[] = [
  { args: '--bridge dial', transport: 'events', heardAgain: 'while it runs', result: 'succeeded' },
  {
    args: '--bridge dial --transport tones',
    transport: 'tones',
    heardAgain: 'after it',
    result: 'succeeded',
  },
  {
    args: '--bridge conference --transport info',
    transport: 'events',
    heardAgain: 'while it runs',
    result: 'succeeded',
  },
  {
    args: '--bridge conference --transport bleed',
    transport: 'bleed',
    heardAgain: 'after it',
    result: 'succeeded',
  },
  {
    args: '--bridge conference --decline',
    transport: 'events',
    heardAgain: 'while it runs',
    result: 'declined',
  },
];

/** Seconds of the first line of the timeline that fits, of those from `from` on. */
function timeOf(out: string, fits: RegExp, from = 0): number {
  const times = out
    .split('\n')
    .filter((line) => fits.test(line))
    .map((line) => Number.parseFloat(line));
  return times.find((seconds) => seconds >= from) ?? Number.NaN;
}

describe('npm run demo', () => {
  const outcomes = new Map<string, Outcome>();

  // One after the other: each is a gateway, a database, a provider and a telephone system in real time.
  beforeAll(async () => {
    for (const { args } of RUNS) outcomes.set(args, await runDemo(args.split(' ')));
  }, 240_000);

  describe.each(RUNS)('$args', ({ args, transport, heardAgain, result }) => {
    const outcome = (): Outcome => outcomes.get(args) as Outcome;

    it('ends well, with a verdict that says why', () => {
      const { out, err, code } = outcome();
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('verdict: the agent heard no digit');
      expect(out).not.toContain('BAD');
      expect(out).toMatch(/ok {3}keys that the caller pressed: (?:2[4-9]|[3-9]\d)\n/);
      expect(out).toMatch(/ok {3}telephone-event packets on the agent’s leg: 0\n/);
      expect(out).toMatch(/ok {3}digits that our detector decodes on the agent’s leg: 0\n/);
      expect(out).toMatch(/ok {3}digits that multimon-ng decodes on the agent’s leg: 0\n/);
      expect(out).toContain(`${result}; the number that was keyed`);
      expect(out).toContain(`transport ${transport},`);
    });

    it('tells what each party did, saw and heard, in the order of time', () => {
      const { out } = outcome();
      const times = [...out.matchAll(/^ +(\d+\.\d\d) s /gm)].map(([, seconds]) => Number(seconds));
      expect(times.length).toBeGreaterThan(20);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const locked = timeOf(out, /gateway .*LOCK closed/);
      const confirmed = timeOf(out, /gateway .*masking is confirmed/);
      // Not the moment in which the call has just been connected.
      const silent = timeOf(out, /agent +hears nothing of the caller/, locked - 0.1);
      const keyed = timeOf(out, /caller +keys the card number/);
      const charged = timeOf(out, /provider +opens the sealed card/);
      const released = timeOf(out, /gateway .*LOCK and guard opened/);
      const order = [locked, confirmed, keyed, charged, released];
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(silent).toBeLessThan(keyed);
      expect(out).toMatch(/caller +hears the agent speak throughout/);
      expect(out).toMatch(/agent +sees card number •{16} come in: 16 digits/);
      expect(out).toMatch(new RegExp(`agent +sees the capture ${result}`));
      // The agent hears the caller again at the first digit of a silent phone, else when all is over.
      const again = timeOf(out, /agent +hears the caller speak/, silent);
      const [earliest, latest] = heardAgain === 'after it' ? [released, Infinity] : [keyed, charged];
      expect(again).toBeGreaterThanOrEqual(earliest - 0.1);
      expect(again).toBeLessThan(latest);
    });

    it('leaves what each of them heard, and what the agent’s page was told', async () => {
      const { directory } = outcome();
      const output = join(directory, 'demo-output');
      const agent = readWav(join(output, 'agent.wav'));
      expect(rmsDbfs(agent)).toBeGreaterThan(-40);
      expect(await decodeWithMultimon(agent)).toEqual([]);
      expect(rmsDbfs(readWav(join(output, 'caller.wav')))).toBeGreaterThan(-40);
      const lines = (await readFile(join(output, 'agent-events.ndjson'), 'utf8')).trim().split('\n');
      const events = lines.map((line) => JSON.parse(line) as CaptureEvent);
      expect(events[0]).toMatchObject({ sequence: 1, capture: { status: 'securing' } });
      expect(events.at(-1)?.capture.status).toBe(result);
    });

    it('cleans up after itself', () => {
      const [, stackDirectory = '/'] = /the files of (\S+\/hushtone-\w+)/.exec(outcome().out) ?? [];
      expect(stackDirectory).not.toBe('/');
      expect(existsSync(stackDirectory)).toBe(false);
    });
  });
});

describe('npm run demo with wrong options', () => {
  it('explains itself when it is asked to', async () => {
    const { code, out, err } = await runDemo(['--help']);
    expect(out).toMatch(/^hushtone demo \[--bridge dial\|conference\]/);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it.each([
    { args: ['--bridges', 'dial'], says: /bridges/ },
    { args: ['--bridge', 'sip'], says: /--bridge is dial or conference/ },
    { args: ['--transport', 'rtp'], says: /--transport is one of rfc4733, info, tones, bleed/ },
    { args: ['now'], says: /now/ },
  ])('says what is wrong with $args', async ({ args, says }) => {
    const { code, out, err } = await runDemo(args);
    expect(err).toMatch(says);
    expect(err).toContain('hushtone demo [--bridge');
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

describe('npm run demo -- --hold', () => {
  /** Collects what a process writes, and waits for some of it. */
  function reader(process: ChildProcess): (wanted: string) => Promise<string> {
    let written = '';
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        written += chunk.toString();
      });
    }
    return async (wanted) =>
      await vi.waitFor(
        () => {
          expect(written).toContain(wanted);
          return written;
        },
        { timeout: 60_000, interval: 50 },
      );
  }

  it.concurrent.each(['SIGINT', 'hang-up'] as const)(
    'prints commands that work in a shell; ends by %s',
    async (ending) => {
      const { child } = await start(['--bridge', 'conference', '--hold']);
      const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
      const printed = await reader(child)('/hangup\n');
      const [, ...parts] = printed.split('\n# ');
      const shell = spawn('bash', { stdio: ['pipe', 'pipe', 'pipe'] });
      children.push(shell);
      const shown = reader(shell);
      const paste = async (title: string, wanted: string): Promise<void> => {
        const part = parts.find((each) => each.startsWith(title)) ?? 'exit 1';
        shell.stdin.write(`${part.slice(part.indexOf('\n'))}\n`);
        await shown(wanted);
      };
      shell.stdin.write(printed.slice(printed.indexOf('export TOKEN'), printed.indexOf('\n# ')));
      await paste('the live calls', '"state":"connected"');
      await paste('start a capture', '"status":"securing"');
      await paste('follow it', '"status":"collecting"');
      await paste('once it is "collecting"', '"status":"ready"');
      await shown('keyed 3 keys');
      await paste('once it is "ready"', '"status":"succeeded"');
      await paste('what shows that it was masked', '"proof":"sentinel"');
      if (ending === 'SIGINT') child.kill('SIGINT');
      else await paste('the caller hangs up', 'the caller hung up');
      expect(await exited).toEqual([0, null]);
      shell.stdin.end();
      expect(await once(shell, 'exit')).toEqual([0, null]);
    },
  );
});
