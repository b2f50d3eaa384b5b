import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SandboxAdmin } from '../../../simulators/sandbox-provider/admin.ts';
import {
  startSandboxProviderProcess,
  type SandboxProviderProcess,
} from '../../../simulators/sandbox-provider/process.ts';
import { connectSandboxProvider } from '../../../src/payments/sandbox/provider.ts';
import { adapterOptions, cardDetails, makeCertificates, type Certificates } from './sandbox.ts';

describe('the sandbox provider as a process of its own', () => {
  let certificates: Certificates;
  const started: SandboxProviderProcess[] = [];

  beforeAll(async () => {
    certificates = await makeCertificates();
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((process) => process.stop()));
  });

  afterAll(async () => {
    await certificates?.remove();
  });

  const start = async (port = 0): Promise<SandboxProviderProcess> => {
    const { provider, ca } = certificates.files;
    const tls = { certFile: provider.certificate, keyFile: provider.key, clientCaFile: ca.certificate };
    const process = await startSandboxProviderProcess({ tls, port });
    started.push(process);
    return process;
  };

  const isRunning = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it('takes payments, is missed while it is down, and takes payments again', async () => {
    const first = await start();
    const provider = await connectSandboxProvider(adapterOptions(first.url, certificates.client));
    const pay = (idempotencyKey: string) =>
      provider.pay({ purpose: 'tokenize', idempotencyKey, card: cardDetails() });
    try {
      expect((await pay('att_1')).result).toBe('succeeded');
      expect(await first.admin.ledger()).toMatchObject([{ cardNumber: '4242424242424242', requests: 1 }]);
      expect(provider.capabilities.pin).toBe(false);

      await first.stop();
      await first.stop();
      expect(isRunning(first.pid)).toBe(false);
      await expect(pay('att_2')).rejects.toMatchObject({ failure: 'unavailable' });

      const second = await start(first.port);
      expect((await pay('att_2')).result).toBe('succeeded'); // sealed to the new process's key
      expect((await second.admin.ledger()).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['att_2']);
    } finally {
      await provider.close();
    }
  });

  it('stops at once, also with requests that hang', async () => {
    const sandbox = await start();
    await sandbox.admin.setFaults([{ kind: 'hang' }]);
    const provider = await connectSandboxProvider(adapterOptions(sandbox.url, certificates.client));
    const hanging = provider.pay({ purpose: 'tokenize', idempotencyKey: 'att_1', card: cardDetails() });
    const settled = Promise.allSettled([hanging]);
    await sandbox.stop();
    expect(await settled).toMatchObject([{ status: 'rejected', reason: { name: 'ProviderError' } }]);
    await provider.close();
    expect(isRunning(sandbox.pid)).toBe(false);
  });

  it('ends with the process that started it', async () => {
    const { provider, ca } = certificates.files;
    const child = spawn(
      process.execPath,
      [
        'dist/simulators/sandbox-provider/main.js',
        `--tls-cert=${provider.certificate}`,
        `--tls-key=${provider.key}`,
        `--client-ca=${ca.certificate}`,
        '--exit-with-parent',
      ],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { SANDBOX_ADMIN_TOKEN: 'admin-token' } },
    );
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(JSON.parse(line.toString('utf8'))).toMatchObject({
      ready: true,
      port: expect.any(Number) as number,
    });
    const exited = once(child, 'exit');
    child.stdin.end(); // what the kernel does when the other side dies
    expect(await exited).toEqual([0, null]);
  });

  it('says why it cannot start', async () => {
    const { provider, ca } = certificates.files;
    const tls = { certFile: '/nonexistent.pem', keyFile: provider.key, clientCaFile: ca.certificate };
    await expect(startSandboxProviderProcess({ tls })).rejects.toThrow(/ended with 1: ENOENT/);
  });

  it('shows its ledger to nobody without the admin token', async () => {
    const sandbox = await start();
    await expect(new SandboxAdmin(sandbox.adminUrl, 'guess').ledger()).rejects.toThrow(/401/);
    const request = httpRequest(new URL('/admin/ledger', sandbox.adminUrl), { agent: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(401);
  });
});
