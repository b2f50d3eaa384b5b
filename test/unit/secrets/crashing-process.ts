// Holds a card number and crashes; see `core-files.test.ts`. Messages from the parent: one for each digit, then `crash`.
import { leaveMemoryOutOfCoreFiles } from '../../../src/secrets/core-files.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';

const [, , holding] = process.argv;
const secret = new SecretBuffer(19);
const buffer = Buffer.alloc(100);

if (holding === 'filtered' && !leaveMemoryOutOfCoreFiles()) throw new Error('the system did not take it');

process.on('message', (message: number | 'crash') => {
  if (message === 'crash') process.abort();
  else if (holding === 'secret') secret.append(0x30 + message);
  else buffer[buffer.indexOf(0)] = 0x30 + message;
});
process.on('disconnect', () => process.exit());
process.send?.('started');
