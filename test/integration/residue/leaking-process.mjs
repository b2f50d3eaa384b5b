/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access,
   typescript/no-unsafe-argument, typescript/no-unsafe-return -- plain JavaScript, as it runs without a build */
// Keeps what it reads from one file in memory, and another file open that has no name any more.
import { openSync, readFileSync, rmSync } from 'node:fs';

const [, , kept, opened] = process.argv;
globalThis.kept = readFileSync(kept);
rmSync(kept);
globalThis.opened = openSync(opened);
rmSync(opened);
process.on('disconnect', () => process.exit());
process.send('ready');
