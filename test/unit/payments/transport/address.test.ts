import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isAddressAllowed } from '../../../../src/kernel/address-guard.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { guardedLookup } from '../../../../src/payments/transport/address.ts';
import { Transport } from '../../../../src/payments/transport/transport.ts';

const PUBLIC_ONLY = (address: string): boolean =>
  isAddressAllowed(address, { allowPrivate: false, allowPlainLoopback: false });

function transportTo(url: string, allowAddress?: (address: string) => boolean): Transport {
  return new Transport({
    url: new URL(url),
    timeoutMs: 5_000,
    clock: systemClock,
    ...(allowAddress && { allowAddress }),
  });
}

describe('the addresses of providers', () => {
  it.each([
    'https://127.0.0.1:1/',
    'https://[::1]:1/',
    'https://10.1.2.3/',
    'https://169.254.169.254/latest',
  ])('a configuration that names %s is refused', (url) => {
    expect(() => transportTo(url, PUBLIC_ONLY)).toThrow(
      expect.objectContaining({ code: 'provider_configuration', kind: 'invalid' }),
    );
    transportTo(url).close();
  });

  it('a name that means a forbidden address is not connected to: nothing has arrived', async () => {
    const asked: string[] = [];
    const transport = transportTo('https://localhost:1/', (address) => {
      asked.push(address);
      return PUBLIC_ONLY(address);
    });
    await expect(transport.exchange({ method: 'GET', path: '/' })).rejects.toMatchObject({
      mayHaveArrived: false,
      cause: { message: 'no address that may be connected to' },
    });
    expect(asked.length).toBeGreaterThan(0);
    transport.close();
  });

  it('of several addresses the allowed ones are left, in the form that was asked for', async () => {
    const lookup = promisify(guardedLookup((address) => address === '127.0.0.1')) as unknown as (
      name: string,
      options: object,
    ) => Promise<unknown>;
    expect(await lookup('localhost', { all: true })).toEqual([{ address: '127.0.0.1', family: 4 }]);
    expect(await lookup('localhost', {})).toBe('127.0.0.1');
  });
});
