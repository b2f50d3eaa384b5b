import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSandboxProviderServer,
  type SandboxProviderServer,
} from '../../../simulators/sandbox-provider/server.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { Mode } from '../../../src/payments/kind.ts';
import { sandboxKind } from '../../../src/payments/sandbox/kind.ts';
import { cardDetails, makeCertificates, PIN_KEY, type Certificates } from './sandbox.ts';

describe('sandboxKind', () => {
  let certificates: Certificates;
  let server: SandboxProviderServer;

  beforeAll(async () => {
    certificates = await makeCertificates();
    server = await createSandboxProviderServer({
      tls: certificates.server,
      adminToken: 'a',
      pinKey: PIN_KEY,
    });
  });
  afterAll(async () => {
    await server?.close();
    await certificates?.remove();
  });

  const connect = (changes: Record<string, unknown> = {}, mode: Mode = 'test') =>
    sandboxKind.connect(
      {
        url: server.url,
        ca: certificates.client.ca,
        client_certificate: certificates.client.clientCert,
        client_key: certificates.client.clientKey.reveal(),
        pin_key: PIN_KEY,
        ...changes,
      },
      mode,
      { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 },
    );

  it('connects without waiting, and pays', async () => {
    const provider = connect();
    try {
      const outcome = await provider.pay({
        purpose: 'tokenize',
        idempotencyKey: 'att_1',
        card: cardDetails(),
      });
      expect(outcome.result).toBe('succeeded');
      expect(sandboxKind.modeOf({})).toBe('test');
    } finally {
      await provider.close();
    }
  });

  it.each([
    ['a live mode', {}, 'live' as const],
    ['an authority that is no certificate', { ca: 'x' }, 'test' as const],
    ['a key that is none', { client_key: 'x' }, 'test' as const],
  ])('does not connect with %s', (_what, changes, mode) => {
    expect(() => connect(changes, mode)).toThrow(
      expect.objectContaining({ code: 'provider_configuration', kind: 'invalid' }),
    );
  });

  it('does not connect with a key of another certificate', async () => {
    const other = await makeCertificates();
    try {
      expect(() => connect({ client_key: other.client.clientKey.reveal() })).toThrow(
        /do not belong together/,
      );
    } finally {
      await other.remove();
    }
  });
});
