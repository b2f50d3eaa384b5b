/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access,
   typescript/no-unsafe-argument, typescript/no-unsafe-return,
   unicorn/require-post-message-target-origin --
   plain JavaScript, as it is what loads TypeScript */
import { parentPort } from 'node:worker_threads';

const { SecretBuffer } = await import('../../../src/secrets/secret-buffer.ts');
const { prepareSecretMemory, secretMemoryUse } = await import('../../../src/secrets/arena.ts');
prepareSecretMemory(200 * 1024);
const secret = new SecretBuffer(19);
secret.appendBytes(Buffer.from('4242'));
parentPort.postMessage({
  ...secretMemoryUse(),
  read: secret.use((bytes) => Buffer.from(bytes).toString()),
});
// The secret and the thread live on until the parent ends them.
parentPort.on('message', () => secret.wipe());
