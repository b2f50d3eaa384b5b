import { fork, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../../simulators/sandbox-provider/faults.ts';
import {
  startSandboxProviderProcess,
  type SandboxProviderProcess,
} from '../../../simulators/sandbox-provider/process.ts';
import { forms, scanProcessMemory } from '../../../simulators/residue/process-memory.ts';
import { makeCertificates, PIN_KEY, type Certificates } from './sandbox.ts';

const PAYING_PROCESS = fileURLToPath(new URL('paying-process.mjs', import.meta.url));
const FORMS = ['ascii', 'utf16', 'packed, even', 'packed, odd'] as const;

/** No number of any real card: a range that no issuer has. Random, so that nothing else in memory equals it. */
function randomCardNumber(): number[] {
  const digits = [9, 9, 9, ...Array.from({ length: 12 }, () => randomInt(10))];
  const sum = digits
    .toReversed()
    .map((digit, index) => (index % 2 === 0 ? digit * 2 : digit))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return [...digits, (10 - (sum % 10)) % 10];
}

describe('a payment leaves no digit in the memory of the process', () => {
  let certificates: Certificates;
  let provider: SandboxProviderProcess;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    certificates = await makeCertificates();
    const { provider: identity, ca } = certificates.files;
    provider = await startSandboxProviderProcess({
      tls: { certFile: identity.certificate, keyFile: identity.key, clientCaFile: ca.certificate },
      pinKey: PIN_KEY,
    });
  });

  afterEach(async () => {
    for (const child of children.splice(0)) {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    }
  });

  afterAll(async () => {
    await provider?.stop();
    await certificates?.remove();
  });

  const next = async (child: ChildProcess): Promise<string> => {
    const [message] = (await once(child, 'message')) as [{ done: string }];
    return message.done;
  };

  const startPayingProcess = async (settings: Record<string, string>): Promise<ChildProcess> => {
    const child = fork(PAYING_PROCESS, { execArgv: ['--expose-gc'], stdio: 'inherit' });
    children.push(child);
    expect(await next(child)).toBe('started');
    const { ca, clientCert, clientKey } = certificates.client;
    const all = {
      url: provider.url,
      ca,
      clientCert,
      clientKey: clientKey.reveal(),
      pinKey: PIN_KEY,
      ...settings,
    };
    child.send({ settings: all });
    return child;
  };

  /** One digit a message: no chunk that the child reads holds two of them side by side. */
  const key = (child: ChildProcess, field: string, digits: readonly number[]): void => {
    for (const digit of digits) child.send({ field, digit: 0x30 + digit });
  };

  interface Ending {
    readonly ending: string;
    readonly result: string | RegExp;
    readonly faults?: readonly Fault[];
    readonly url?: string;
    readonly processed: boolean;
  }

  it.each<Ending>([
    { ending: 'answered', result: 'incorrect_pin', processed: true },
    {
      ending: 'lost',
      result: /^provider_unknown_outcome/,
      faults: [{ kind: 'lose_answer' }],
      processed: true,
    },
    {
      ending: 'refused',
      result: /^provider_rate_limited/,
      faults: [{ kind: 'rate_limited' }],
      processed: false,
    },
    // Port 1 of the loopback address: nothing listens there.
    { ending: 'not sent', result: /^provider_unavailable/, url: 'https://127.0.0.1:1', processed: false },
  ])('when it was $ending, at once and after a collection', async ({ result, faults, url, processed }) => {
    await provider.admin.reset();
    await provider.admin.setFaults(faults ?? []);
    const child = await startPayingProcess(url === undefined ? {} : { url });
    const cardNumber = randomCardNumber();
    const pin = Array.from({ length: 12 }, () => randomInt(10));
    key(child, 'cardNumber', cardNumber);
    key(child, 'expiry', [1, 2, 3, 9]);
    key(child, 'securityCode', [9, 8, 7]);
    if (url === undefined) key(child, 'pin', pin);
    child.send({ command: 'pay' });
    expect(await next(child)).toMatch(result);

    // That the number went through this process is shown by the provider, which has it.
    const ledger = await provider.admin.ledger();
    expect(ledger.map((entry) => entry.cardNumber)).toEqual(processed ? [cardNumber.join('')] : []);

    const needles = [...forms(cardNumber), ...forms(pin)];
    expect(scanProcessMemory(child.pid ?? 0, needles)).toEqual([]);
    child.send({ command: 'collect' });
    expect(await next(child)).toBe('collected');
    expect(scanProcessMemory(child.pid ?? 0, needles)).toEqual([]);
  });

  it.each(FORMS.map((form, index) => ({ form, index })))(
    'and the search finds a leak that is $form',
    async ({ form, index }) => {
      const child = await startPayingProcess({ form });
      const cardNumber = randomCardNumber();
      key(child, 'cardNumber', cardNumber);
      child.send({ command: 'plant' });
      expect(await next(child)).toBe('planted');
      const found = scanProcessMemory(child.pid ?? 0, forms(cardNumber));
      expect(new Set(found.map(({ needle }) => needle))).toEqual(new Set([index]));
    },
  );

  it('and the search finds the digits while they are held', async () => {
    const child = await startPayingProcess({});
    const cardNumber = randomCardNumber();
    key(child, 'cardNumber', cardNumber);
    child.send({ command: 'collect' }); // answered after every digit before it
    expect(await next(child)).toBe('collected');
    expect(scanProcessMemory(child.pid ?? 0, forms(cardNumber))).toHaveLength(1);
  });
});
