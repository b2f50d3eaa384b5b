import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { OUTCOMES, type HandSettlement } from '../workflows/payments/hand-settlement.ts';
import { settleByHand } from '../workflows/payments/settle-by-hand.ts';
import { findUnsettledPayments, type Prospect, type Unsettled } from '../workflows/payments/unsettled.ts';
import { operator } from './operator.ts';
import {
  asksForHelp,
  explainUsage,
  findCommand,
  MissingOption,
  parseOptions,
  UsageError,
  type Options,
  type Subcommand,
} from './subcommands.ts';
import { withProviders } from './with-providers.ts';

const USAGE = `hushtone payments COMMAND
  unsettled  [--account ID]
             a line for each payment and each change whose outcome is not known, the oldest first: what it is found by
             at its provider, and whether anything still tries to find out
  settle     PAYMENT_ID --outcome succeeded|declined|never_arrived [--provider-reference REF]
             [--authorization-code CODE] --reason TEXT --yes
             write down what became of it, after a look at the provider: an end is final. Only for what nothing tries
             any more. A success has a reference; the reason is kept with your name
Settings: DATABASE_URL or DATA_DIR, and those of the groups Keys of the vault and Payment provider.
`;

const text = { type: 'string' } as const;

const PROSPECTS: Readonly<Record<Prospect, string>> = {
  gateway: 'a gateway has it under way',
  lookup: 'the provider is asked again and again',
  resend: 'it may still be sent again',
  unusable: 'the provider cannot be connected: hushtone providers check',
  reconfigured:
    'its provider may be configured otherwise now: look where it went then, and hushtone payments settle',
  nobody: 'nothing tries any more: look at the provider, then hushtone payments settle',
};

/** The provider's payment is what a change is for; a payment is found by our key, or by the account's reference. */
function lineOf(unsettled: Unsettled): string {
  const { accountId, paymentId, attemptId, operation, amount, currency, provider, providerId, mode } =
    unsettled;
  const { idempotencyKey, reference, providerReference, createdAt, prospect } = unsettled;
  const parts = [
    `${accountId} ${paymentId} ${attemptId} ${operation} ${amount} ${currency} (minor units)`,
    `${provider} ${providerId} ${mode}`,
    `key ${idempotencyKey}`,
    ...(reference === null ? [] : [`reference ${JSON.stringify(reference)}`]),
    ...(providerReference === null ? [] : [`of ${JSON.stringify(providerReference)}`]),
    `since ${createdAt.toISOString()}`,
  ];
  return `${parts.join(', ')}: ${PROSPECTS[prospect]}\n`;
}

function outcomeOf(options: Options): HandSettlement['outcome'] {
  const asked = options.required('outcome');
  const outcome = OUTCOMES.find((one) => one === asked);
  if (outcome !== undefined) return outcome;
  throw new UsageError(`--outcome is ${OUTCOMES.join(', ')}`);
}

interface Command extends Pick<Subcommand, 'options'> {
  /** It is about one payment, which comes first. */
  readonly payment: boolean;
  run(options: Options, paymentId: string): Promise<void>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  unsettled: {
    payment: false,
    options: { account: text },
    run: async (options) =>
      await withProviders(async ({ database, directory }) => {
        const dependencies = { database, directory, clock: systemClock };
        const found = await findUnsettledPayments(dependencies, options.text('account'));
        for (const unsettled of found) process.stdout.write(lineOf(unsettled));
        if (found.length === 0) process.stderr.write('every outcome is known\n');
      }),
  },
  settle: {
    payment: true,
    options: {
      outcome: text,
      'provider-reference': text,
      'authorization-code': text,
      reason: text,
      yes: { type: 'boolean' },
    },
    run: async (options, paymentId) => {
      const providerReference = options.text('provider-reference');
      const authorizationCode = options.text('authorization-code');
      const settlement: HandSettlement = {
        outcome: outcomeOf(options),
        reason: options.required('reason'),
        ...(providerReference !== undefined && { providerReference }),
        ...(authorizationCode !== undefined && { authorizationCode }),
      };
      if (!options.flag('yes')) throw new MissingOption('yes');
      await withProviders(async ({ database, directory }) => {
        const logger = createLogger('warn', process.stderr);
        const dependencies = { database, directory, clock: systemClock, logger };
        const settled = await settleByHand(dependencies, operator(), paymentId, settlement);
        process.stdout.write(`${JSON.stringify(shown(settled), null, 2)}\n`);
      });
    },
  },
};

const shown = (settled: Awaited<ReturnType<typeof settleByHand>>) => ({
  account_id: settled.accountId,
  payment_id: settled.paymentId,
  attempt_id: settled.attemptId,
  operation: settled.operation,
  outcome: settled.outcome,
  payment_status: settled.paymentStatus,
  repeated: settled.repeated,
});

/** `hushtone payments`: what is not known of payments, and an operator's word for it. */
export async function runPayments(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  if (asksForHelp(args)) {
    process.stdout.write(USAGE);
    return 0;
  }
  return await explainUsage(USAGE, async () => {
    const command = findCommand(COMMANDS, name);
    const [first = '', ...others] = rest;
    const named = command.payment && first !== '' && !first.startsWith('-');
    if (command.payment && !named) throw new UsageError('which payment?');
    await command.run(parseOptions(command, named ? others : rest), named ? first : '');
    return 0;
  });
}
