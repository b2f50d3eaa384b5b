import type { FieldName } from '../../capture/fields.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { CardDetails, PaymentOutcome, Purpose } from '../../payments/contract.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { PaymentDependencies } from '../payments/dependencies.ts';
import type { PaymentFailure } from '../payments/failures.ts';
import { keepCard, vaultOf, type KeptCard } from '../payments/keep-card.ts';
import { pay } from '../payments/pay.ts';
import { providersFor } from '../payments/providers-for.ts';
import type { RevealedCard } from '../tokens/contract.ts';
import type { CaptureIdentity } from './resource.ts';

/** What came of a submitted capture. */
export type CapturedResult =
  | { readonly kind: 'outcome'; readonly outcome: PaymentOutcome; readonly token?: string }
  /** The vault has the card; no provider was asked. */
  | { readonly kind: 'kept'; readonly token: string }
  | { readonly kind: 'failed'; readonly failure: PaymentFailure }
  | { readonly kind: 'unknown' };

/** The captured values: lent, and wiped by the capture. */
export type CapturedValues = () => Partial<Record<FieldName, SecretBuffer>>;

/** What a statement may show of the card: brand and last four. */
export interface ShownCard {
  readonly brand?: string;
  readonly last4?: string;
}

/** Takes a submitted capture to its outcome. Never rejects. */
export async function payCaptured(
  dependencies: PaymentDependencies,
  capture: CaptureIdentity,
  values: CapturedValues,
  keyed: ShownCard,
): Promise<CapturedResult> {
  try {
    return await submit(dependencies, capture, values, keyed);
  } catch (error) {
    const code = error instanceof HushtoneError ? error.code : undefined;
    dependencies.logger.error('attempt not written, nothing sent', { captureId: capture.id, error });
    return {
      kind: 'failed',
      failure: code === 'provider_not_configured' ? 'provider_not_configured' : 'internal',
    };
  }
}

async function submit(
  dependencies: PaymentDependencies,
  capture: CaptureIdentity,
  values: CapturedValues,
  keyed: ShownCard,
): Promise<CapturedResult> {
  const { order, accountId } = capture;
  const kept = order.keepsCard ? await seal(dependencies, capture, values, keyed) : undefined;
  const { asks } = order;
  if (kept !== undefined && asks === undefined) {
    await keepCard(dependencies, { accountId, captureId: capture.id, mode: order.mode, ...keyed }, kept);
    return { kind: 'kept', token: kept.face.id };
  }
  // Every order that does not go into the vault alone asks a provider.
  const purpose = asks ?? order.purpose;
  const { id: captureId, paymentId } = capture;
  const use = { captureId, ...(paymentId !== undefined && { paymentId }) };
  using stored = order.token && (await vaultOf(dependencies).reveal(accountId, order.token.id, use));
  const shown = order.token ?? keyed;
  const result = await pay(dependencies, {
    ...planOf(capture, purpose, shown),
    providers: await providersFor(dependencies.directory, accountId, {
      mode: order.mode,
      purpose,
      ...(order.amount && { amount: order.amount }),
      ...(shown.brand !== undefined && { brand: shown.brand }),
      ...(values().pin && { pin: true }),
    }),
    card: () => ({ card: cardOf(values(), stored) }),
    ...(kept && { keep: kept }),
  });
  if (result.kind !== 'outcome') return result;
  const { outcome } = result;
  return { kind: 'outcome', outcome, ...(kept && { token: kept.face.id }) };
}

function planOf({ id, accountId, paymentId, order }: CaptureIdentity, operation: Purpose, shown: ShownCard) {
  return {
    accountId,
    captureId: id,
    ...(paymentId !== undefined && { paymentId }),
    operation,
    mode: order.mode,
    ...(order.amount && { amount: order.amount }),
    ...(order.reference !== undefined && { reference: order.reference }),
    ...(order.customerReference !== undefined && { customerReference: order.customerReference }),
    ...(shown.brand !== undefined && { brand: shown.brand }),
    ...(shown.last4 !== undefined && { last4: shown.last4 }),
  };
}

/** Sealed before the first statement: nothing of it is written yet. The security code stays out (PCI DSS 3.3.1). */
async function seal(
  dependencies: PaymentDependencies,
  { id: captureId, accountId, order }: CaptureIdentity,
  values: CapturedValues,
  { brand }: ShownCard,
): Promise<KeptCard> {
  const { card_number: cardNumber, expiry } = values();
  if (cardNumber === undefined || brand === undefined) throw cardNumberMissing();
  return await vaultOf(dependencies).prepare({
    accountId,
    mode: order.mode,
    cardNumber,
    ...(expiry && { expiry }),
    brand,
    ...(order.customerReference !== undefined && { customerReference: order.customerReference }),
    captureId,
  });
}

/** The keyed card, or the stored one with what was keyed to it. */
function cardOf(
  values: Partial<Record<FieldName, SecretBuffer>>,
  stored: RevealedCard | undefined,
): CardDetails {
  const cardNumber = stored?.cardNumber ?? values.card_number;
  if (cardNumber === undefined) throw cardNumberMissing();
  const expiry = stored?.expiry ?? values.expiry;
  return {
    cardNumber,
    ...(expiry && { expiry }),
    ...(values.security_code && { securityCode: values.security_code }),
    ...(values.postal_code && { postalCode: values.postal_code }),
    ...(values.pin && { pin: values.pin }),
  };
}

function cardNumberMissing(): HushtoneError {
  return new HushtoneError('card_number_missing', 'internal', 'the capture has no card number');
}
