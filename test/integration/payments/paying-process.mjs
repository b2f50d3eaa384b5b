/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access,
   typescript/no-unsafe-argument, typescript/no-unsafe-return -- plain JavaScript, as it runs without a build step of its own */
// The gateway's side of one payment as a process of its own, whose memory the parent searches. It runs the build.
// Messages from the parent: first the settings, then one message for each digit, its ASCII code, then a command.
import { systemClock } from '../../../dist/src/kernel/clock.js';
import { silentLogger } from '../../../dist/src/kernel/logger.js';
import { connectSandboxProvider } from '../../../dist/src/payments/sandbox/provider.js';
import { SecretBuffer } from '../../../dist/src/secrets/secret-buffer.js';
import { Secret } from '../../../dist/src/secrets/secret.js';

const card = {
  cardNumber: new SecretBuffer(19),
  expiry: new SecretBuffer(4),
  securityCode: new SecretBuffer(4),
  pin: new SecretBuffer(12),
};
/** What a leak would look like: never collected. */
const planted = [];
let settings;

process.on('message', (message) => {
  if (message.settings !== undefined) settings = message.settings;
  if (message.digit !== undefined) card[message.field].append(message.digit);
  if (message.command === 'pay') void pay();
  if (message.command === 'plant') plant();
  if (message.command === 'collect') {
    globalThis.gc();
    process.send({ done: 'collected' });
  }
});
process.on('disconnect', () => process.exit());

async function pay() {
  const provider = await connectSandboxProvider({
    ...settings,
    clientKey: new Secret(settings.clientKey),
    pinKey: new Secret(settings.pinKey),
    timeoutMs: 30_000,
    logger: silentLogger,
    clock: systemClock,
  });
  let result;
  try {
    const amount = { value: 1250, currency: 'EUR' };
    const { pin, ...rest } = card;
    const keyed = pin.length === 0 ? rest : card;
    const outcome = await provider.pay({
      purpose: 'charge',
      idempotencyKey: 'residue-1',
      amount,
      card: keyed,
    });
    result = outcome.result === 'declined' ? outcome.rawCode : outcome.result;
  } catch (error) {
    result = `${error.code}: ${error.message}`;
  }
  for (const secret of Object.values(card)) secret.wipe();
  // The connection and its buffers stay as they are: the provider is not closed.
  planted.push(provider);
  process.send({ done: result });
}

/** Puts the card number in memory in the form that the parent asked for. */
function plant() {
  card.cardNumber.use((digits) => {
    const values = Array.from(digits, (code) => code - 0x30);
    const pack = (list) =>
      list.flatMap((value, index) => (index % 2 ? [] : [(value << 4) | (list[index + 1] ?? 0)]));
    const leak = {
      ascii: () => Buffer.from(digits),
      utf16: () => Buffer.from(values.flatMap((value) => [0x30 + value, 0])),
      'packed, even': () => Buffer.from(pack(values)),
      'packed, odd': () => Buffer.from(pack([7, ...values])),
    };
    planted.push(leak[settings.form]());
  });
  card.cardNumber.wipe();
  process.send({ done: 'planted' });
}

process.send({ done: 'started' });
