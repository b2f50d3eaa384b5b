// One payment as a process of its own, whose memory the parent searches; see `adapter-residue.ts`. Messages from the
// parent: the adapter, then one message for each digit, then a command.
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { PaymentProvider, PaymentRequest } from '../../src/payments/contract.ts';
import type { ProviderDependencies, ProviderKind } from '../../src/payments/kind.ts';
import { SecretBuffer } from '../../src/secrets/secret-buffer.ts';
import type { AdapterModule, KeyedField, ToPayingProcess } from './adapter-residue.ts';

/** The longest of each: 19 digits in ISO/IEC 7812-1, 12 in ISO 9564-1. */
const CAPACITY: Record<KeyedField, number> = {
  cardNumber: 19,
  expiry: 4,
  securityCode: 4,
  postalCode: 16,
  pin: 12,
};

const keyed = new Map<KeyedField, SecretBuffer>();
/** Never collected: the provider with its connections, and what a leak would look like. */
const kept: unknown[] = [];
let adapter: AdapterModule | undefined;

const tell = (done: string, detail?: unknown): void => void process.send?.({ done, detail });

process.on('message', (message: ToPayingProcess) => {
  if ('adapter' in message) {
    adapter = message.adapter;
    tell('ready');
  } else if ('field' in message) {
    append(message.field, message.digit);
  } else if (message.command === 'pay') {
    void pay(message.request);
  } else if (message.command === 'keep_copy') {
    keyed.get('cardNumber')?.use((digits) => kept.push(Buffer.from(digits)));
    tell('kept');
  } else {
    globalThis.gc?.();
    tell('collected');
  }
});
process.on('disconnect', () => process.exit());

function append(field: KeyedField, digit: number): void {
  const secret = keyed.get(field) ?? new SecretBuffer(CAPACITY[field]);
  keyed.set(field, secret);
  secret.append(0x30 + digit);
}

async function pay(request: Extract<ToPayingProcess, { command: 'pay' }>['request']): Promise<void> {
  try {
    const provider = await connect();
    // Neither closed nor forgotten: the connection and its buffers stay as they are while they are searched.
    kept.push(provider);
    const outcome = await provider.pay({ ...request, card: Object.fromEntries(keyed) } as PaymentRequest);
    tell('paid', outcome);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    tell('failed', { code: code ?? 'none', message: String(message) });
  } finally {
    for (const secret of keyed.values()) secret.wipe();
  }
}

async function connect(): Promise<PaymentProvider> {
  if (adapter === undefined) throw new Error('no adapter was named');
  const { module, member, configuration, mode, timeoutMs } = adapter;
  const dependencies: ProviderDependencies = { clock: systemClock, logger: silentLogger, timeoutMs };
  const loaded = (await import(module)) as Record<string, unknown>;
  const found = loaded[member];
  if (typeof found === 'function') {
    return (await (found as ConnectAdapter)(configuration, dependencies)) as PaymentProvider;
  }
  return (found as ProviderKind).connect(configuration, mode, dependencies);
}

type ConnectAdapter = (configuration: unknown, dependencies: ProviderDependencies) => unknown;

tell('started');
