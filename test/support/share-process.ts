// A key file that is split, or opened with its shares, by a process of its own, whose memory the parent searches; see
// `test/integration/vault/share-residue.test.ts`. It is told what to do once, does it, and stays until it is let go.
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/kernel/clock.ts';
import { openFileKeys } from '../../src/vault/keys/file/provider.ts';
import { splitKeyFile } from '../../src/vault/keys/file/relock.ts';

export type ToShareProcess = {
  readonly path: string;
} & (
  | { readonly act: 'open' | 'keep_text'; readonly shareFiles: readonly string[] }
  | { readonly act: 'split'; readonly passphraseFile: string; readonly folder: string }
);

/** Never collected: what a leak would look like, and the keys as a gateway has them. */
const kept: unknown[] = [];

async function act(asked: ToShareProcess): Promise<void> {
  const { path } = asked;
  if (asked.act === 'split') {
    const { passphraseFile, folder } = asked;
    await splitKeyFile({ path, unlocking: { passphraseFile }, threshold: 2, shares: 2, folder });
  } else {
    const { shareFiles } = asked;
    if (asked.act === 'keep_text') kept.push(shareFiles.map((file) => readFileSync(file, 'utf8')));
    kept.push(await openFileKeys({ path, unlocking: { shareFiles }, clock: systemClock }));
  }
}

process.once('message', (asked: ToShareProcess) => {
  void act(asked).then(
    () => process.send?.('done'),
    (error: unknown) => process.send?.(String(error)),
  );
});
process.on('disconnect', () => process.exit());
