// Takes the lock on the file that its argument names, says so, and holds it until it is killed.
import { withFileLock } from '../../../../../src/vault/keys/file/file-lock.ts';

await withFileLock(process.argv[2] ?? '', async () => {
  process.send?.('held');
  await new Promise((resolve) => process.once('disconnect', resolve));
});
