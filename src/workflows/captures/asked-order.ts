import type { Actor, CaptureRequest } from '../contract.ts';
import { vaultOf } from '../payments/keep-card.ts';
import { providersFor } from '../payments/providers-for.ts';
import { checkOrder, type PaymentOrder } from '../take-payment/order.ts';
import type { CaptureDependencies } from './dependencies.ts';

/** Checked against the rules of money, the stored card that it names, and what the account's providers take. */
export async function askedOrder(
  dependencies: CaptureDependencies,
  actor: Actor,
  request: CaptureRequest,
): Promise<PaymentOrder> {
  const { defaults, directory } = dependencies;
  const { accountId } = actor;
  const token =
    request.token === undefined ? undefined : await vaultOf(dependencies).face(accountId, request.token);
  const order = checkOrder(request, defaults, token);
  if (order.keepsCard) vaultOf(dependencies);
  if (order.asks !== undefined) {
    await providersFor(directory, accountId, {
      mode: order.mode,
      purpose: order.asks,
      ...(order.amount && { amount: order.amount }),
      ...(token && { brand: token.brand }),
      ...(order.spec.fields.some(({ field }) => field === 'pin') && { pin: true }),
    });
  }
  return order;
}
