import { expect, test } from 'vitest';
import { OperationQueue } from '../../../../src/telephony/rtpengine/operation-queue.ts';
import { settled } from './manual-clock.ts';

test('one after the other, in order, and a failure does not stop the next', async () => {
  const queue = new OperationQueue();
  const log: string[] = [];
  let pass = (): void => undefined;
  const first = queue.run(async () => {
    log.push('first starts');
    await new Promise<void>((resolve) => {
      pass = resolve;
    });
    throw new Error('first fails');
  });
  const second = queue.run(async () => {
    log.push('second starts');
    return 2;
  });
  const failed = first.catch((error: unknown) => error);
  await settled();
  expect(log).toEqual(['first starts']);
  pass();
  expect(await failed).toMatchObject({ message: 'first fails' });
  await expect(second).resolves.toBe(2);
  expect(log).toEqual(['first starts', 'second starts']);
});
