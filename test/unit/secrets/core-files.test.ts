import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needlesOf } from '../../../simulators/residue/needles.ts';
import { Search, searchFiles } from '../../../simulators/residue/search.ts';
import { randomCardNumber } from '../../support/adapter-residue.ts';

const CRASHING_PROCESS = new URL('crashing-process.ts', import.meta.url).pathname;
const RUN_TYPESCRIPT = new URL('../../support/run-typescript.mjs', import.meta.url).href;

/** See core(5). Where the system pipes core files to a program, none comes into this directory. */
const PATTERN = readFileSync('/proc/sys/kernel/core_pattern', 'latin1').trim();
const CORE_FILES_HERE = PATTERN !== '' && !PATTERN.startsWith('|') && !PATTERN.includes('/');

describe.runIf(CORE_FILES_HERE)(
  'the core file of a process that crashes while it holds a card number',
  () => {
    let directory: string;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'hushtone-core-'));
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    /** Where the number is held: in secret memory, in any other, or so that no memory gets into a core file. */
    async function crash(holding: 'secret' | 'buffer' | 'filtered'): Promise<readonly string[]> {
      const digits = randomCardNumber();
      const child = fork(CRASHING_PROCESS, [holding], {
        cwd: directory,
        execPath: '/bin/sh',
        execArgv: [
          '-c',
          'ulimit -c unlimited && exec "$@"',
          'sh',
          process.execPath,
          '--import',
          RUN_TYPESCRIPT,
        ],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      await once(child, 'message');
      for (const digit of digits) child.send(digit);
      child.send('crash');
      const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      expect(signal).toBe('SIGABRT');
      expect(readdirSync(directory)).toHaveLength(1);
      const { found } = await searchFiles(directory, new Search(needlesOf('number', digits)));
      return found;
    }

    it('does not have the number', async () => {
      expect(await crash('secret')).toEqual([]);
    });

    it('has a number that is held anywhere else, as the search finds', async () => {
      expect(await crash('buffer')).toContainEqual(expect.stringMatching(/^number as ASCII, in /));
    });

    it('has not even that when the process has left its memory out of core files', async () => {
      expect(await crash('filtered')).toEqual([]);
    });
  },
);
