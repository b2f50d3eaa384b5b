import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRecordingRelay } from '../../../simulators/residue/recording-relay.ts';
import type { Finding } from '../../../simulators/residue/search.ts';
import { randomCardNumber } from '../../support/adapter-residue.ts';
import { createEmptyDatabase, execute } from '../../support/database.ts';
import { LEAKS, type Leak } from '../../support/leaks.ts';
import { searchForResidue } from '../../support/residue.ts';
import { makeTlsMaterial, TestServers, type TlsMaterial } from '../../support/tls-peers.ts';

const LEAKING_PROCESS = fileURLToPath(new URL('leaking-process.mjs', import.meta.url));

const write = (digits: readonly number[], leaks: readonly Leak[] = LEAKS): Buffer =>
  Buffer.concat(leaks.flatMap((leak) => [Buffer.from(' | '), leak.write(digits)]));

/** What a line of text can hold. */
const TEXT_LEAKS = LEAKS.filter(({ write: leak }) => {
  return leak(randomCardNumber()).every((byte) => byte >= 0x20 && byte < 0x7f);
});

const formsOf = (leaks: readonly Leak[]): string[] =>
  [...new Set(leaks.map(({ foundAs }) => foundAs))].toSorted();

/** Each has a number of its own, so that nothing is found for another's sake. */
const numbers = {
  table: randomCardNumber(),
  'dropped table': randomCardNumber(),
  file: randomCardNumber(),
  log: randomCardNumber(),
  stream: randomCardNumber(),
  'open file': randomCardNumber(),
  memory: randomCardNumber(),
  traffic: randomCardNumber(),
  'encrypted traffic': randomCardNumber(),
  'native types': randomCardNumber(),
};

describe('the search for residue', () => {
  const servers = new TestServers();
  const stops: (() => Promise<unknown>)[] = [async () => await servers.close()];
  let directory: string;
  let findings: readonly Finding[];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hushtone-residue-'));
    stops.push(async () => await rm(directory, { recursive: true, force: true }));
    const databaseUrl = await createEmptyDatabase();
    await plantInTables(databaseUrl);
    await mkdir(join(directory, 'tmp', 'deeper'), { recursive: true });
    await writeFile(join(directory, 'tmp', 'deeper', 'planted'), write(numbers.file));
    const leaking = await startLeakingProcess();
    const relay = await startPlainTraffic();
    const encrypted = await startEncryptedTraffic(await makeTlsMaterial());
    const line = (digits: readonly number[]): string => write(digits, TEXT_LEAKS).toString('ascii');
    findings = await searchForResidue({
      stack: {
        directory,
        databaseUrl,
        gateway: () => ({ pid: leaking.pid ?? 0, log: ['{"msg":"ready"}', line(numbers.log)] }),
      },
      values: numbers,
      texts: { 'event streams': ['event: capture', line(numbers.stream)] },
      traffic: { 'plain traffic': relay, 'encrypted traffic': encrypted },
    });
  }, 120_000);

  afterAll(async () => {
    for (const stop of stops.toReversed()) await stop();
  });

  const forms = (place: string | RegExp, name: keyof typeof numbers, at = /(?:)/): string[] => {
    const here = findings.filter((each) =>
      typeof place === 'string' ? each.place === place : place.test(each.place),
    );
    const of = here.filter((each) => each.what.startsWith(`${name} as `) && at.test(each.at));
    return [...new Set(of.map(({ what }) => what.slice(`${name} as `.length)))].toSorted();
  };

  it.each<{ place: string | RegExp; name: keyof typeof numbers; at?: RegExp; leaks?: readonly Leak[] }>([
    { place: 'the database', name: 'table', at: /^in public\.planted$/ },
    { place: /^the files of .*hushtone-test-/, name: 'table', at: /\/base\/\d+\/\d+ at byte \d+$/ },
    {
      place: /^the files of .*hushtone-test-/,
      name: 'dropped table',
      at: /\/pg_wal\/[0-9A-F]{24} at byte \d+$/,
    },
    { place: /^the files of .*hushtone-residue-/, name: 'file', at: /\/tmp\/deeper\/planted at byte \d+$/ },
    { place: 'the log', name: 'log', leaks: TEXT_LEAKS },
    { place: 'event streams', name: 'stream', leaks: TEXT_LEAKS },
    { place: 'open files', name: 'open file', at: /opened \(deleted\) at byte \d+$/ },
    { place: 'memory', name: 'memory', at: /^at 0x[0-9a-f]+$/ },
    { place: 'plain traffic', name: 'traffic', at: /^in piece \d+ at byte \d+$/ },
  ])('finds every form in $place: $name', ({ place, name, at, leaks = LEAKS }) => {
    expect(forms(place, name, at)).toEqual(expect.arrayContaining(formsOf(leaks)) as string[]);
  });

  it('finds a number as each type of the database keeps it, in rows and on the disk', () => {
    const inRows = forms('the database', 'native types', /^in public\.planted_types$/);
    expect(inRows).toEqual(
      expect.arrayContaining([
        'ASCII',
        '64-bit integer',
        'floating-point number',
        'numeric of PostgreSQL',
      ]) as string[],
    );
    expect(forms(/^the files of .*hushtone-test-/, 'native types')).toEqual(
      expect.arrayContaining(inRows) as string[],
    );
  });

  it('finds nothing where nothing was planted', () => {
    expect(forms('encrypted traffic', 'encrypted traffic')).toEqual([]);
    expect(forms('memory', 'table')).toEqual([]);
    expect(forms('the log', 'stream')).toEqual([]);
    expect(forms('the database', 'dropped table')).toEqual([]);
    expect(forms(/^the files of .*hushtone-residue-/, 'table')).toEqual([]);
  });

  it('never tells a digit of what it found', () => {
    const text = findings.map(({ what }) => what).join(' ');
    expect(text).not.toMatch(/\d{3}/);
    for (const digits of Object.values(numbers))
      expect(JSON.stringify(findings)).not.toContain(digits.slice(0, 9).join(''));
  });

  async function plantInTables(url: string): Promise<void> {
    await execute(url, 'CREATE TABLE planted (kept bytea)');
    await execute(url, 'CREATE TABLE passing (kept bytea)');
    for (const leak of LEAKS) {
      await execute(url, 'INSERT INTO planted VALUES ($1)', [leak.write(numbers.table)]);
      await execute(url, 'INSERT INTO passing VALUES ($1)', [leak.write(numbers['dropped table'])]);
    }
    await execute(url, 'DROP TABLE passing');
    await execute(url, 'CREATE TABLE planted_types (a text, b jsonb, c numeric, d int8, e float8)');
    const text = numbers['native types'].join('');
    await execute(url, 'INSERT INTO planted_types VALUES ($1, $2, $3, $4, $5)', [
      text,
      { number: text },
      text,
      text,
      text,
    ]);
  }

  async function startLeakingProcess(): Promise<ChildProcess> {
    const [kept, opened] = [join(directory, 'kept'), join(directory, 'opened')];
    await writeFile(kept, write(numbers.memory));
    await writeFile(opened, write(numbers['open file']));
    const child = fork(LEAKING_PROCESS, [kept, opened]);
    stops.push(async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    });
    await once(child, 'message');
    return child;
  }

  /** Half of it is sent, and the other half answered. */
  async function startPlainTraffic() {
    const half = LEAKS.length >> 1;
    const server = createServer((socket) => socket.end(write(numbers.traffic, LEAKS.slice(half))));
    const relay = await startRecordingRelay(`tcp://127.0.0.1:${await servers.listen(server)}`);
    stops.push(async () => await relay.close());
    const client = connect(relay.port, '127.0.0.1');
    client.resume().end(write(numbers.traffic, LEAKS.slice(0, half)));
    await once(client, 'close');
    return relay;
  }

  async function startEncryptedTraffic(tls: TlsMaterial) {
    const server = createTlsServer({ cert: tls.server.cert, key: tls.server.key }, (socket) =>
      socket.pipe(socket),
    );
    const relay = await startRecordingRelay(`tcp://127.0.0.1:${await servers.listen(server)}`);
    stops.push(async () => await relay.close());
    const client = connectTls({ port: relay.port, host: '127.0.0.1', ca: tls.ca });
    const sent = write(numbers['encrypted traffic']);
    client.write(sent);
    let received = Buffer.alloc(0);
    while (received.length < sent.length) {
      const [chunk] = (await once(client, 'data')) as [Buffer];
      received = Buffer.concat([received, chunk]);
    }
    client.end();
    await once(client, 'close');
    // It did go both ways, and the relay has seen all of it.
    expect(received.equals(sent)).toBe(true);
    for (const piece of relay.recorded()) expect(piece.length).toBeGreaterThan(sent.length);
    return relay;
  }
});
