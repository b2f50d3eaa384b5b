import { expect, test } from 'vitest';
import { listening } from '../../../src/app/listening.ts';
import { HushtoneError } from '../../../src/kernel/errors.ts';

const AT = { host: '10.0.0.1', port: 443 };

test.each([
  ['EADDRINUSE', 'something else listens there'],
  ['EADDRNOTAVAIL', 'this host has no such address'],
  ['EACCES', 'the process may not take that port'],
])('%s is told in words, with the settings to change', async (code, words) => {
  const cause = Object.assign(new Error('listen'), { code });
  const told = listening(AT, 'TELEPHONY', async () => await Promise.reject(cause));
  await expect(told).rejects.toBeInstanceOf(HushtoneError);
  await expect(told).rejects.toMatchObject({ code: 'cannot_listen', cause });
  await expect(told).rejects.toThrow(
    `cannot listen on 10.0.0.1, port 443: ${words} (TELEPHONY_HOST, TELEPHONY_PORT)`,
  );
});

test('any other error stays what it is', async () => {
  const fault = new TypeError('a fault of ours');
  await expect(listening(AT, 'HTTP', async () => await Promise.reject(fault))).rejects.toBe(fault);
  expect(await listening(AT, 'HTTP', async () => await Promise.resolve('listens'))).toBe('listens');
});
