import type { Calls } from '../telephony/contract.ts';
import { Captures } from '../workflows/capture-desk.ts';
import type { Numbers } from '../workflows/numbers.ts';
import type { PaymentDependencies } from '../workflows/payments/dependencies.ts';
import { SETTLE_LIMIT_MS } from './settle-limit.ts';
import type { SharedTime } from './shared-time.ts';
import type { StartupWithDatabase } from './startup.ts';
import { startTelephony } from './telephony.ts';

/** Calls, and the captures on them. `lastWrites`: the time for what is still to be written once no call is heard. */
export async function startCaptures(
  startup: StartupWithDatabase,
  payments: PaymentDependencies,
  numbers: Numbers,
  lastWrites: SharedTime,
): Promise<{ readonly calls: Calls; readonly captures: Captures; readonly telephonyPort: number }> {
  const { config, stopper } = startup;
  let captures: Captures | undefined;
  // Telephony that closes interrupts the masking of captures, and they tell of it: that comes after they have settled.
  stopper.add('the last events of captures', async () => await captures?.written(lastWrites.leftMs()));
  const { calls, port: telephonyPort } = await startTelephony(startup, numbers);
  const desk = new Captures({
    ...payments,
    calls,
    defaults: {
      ...config.capture,
      mode: config.payments.mode,
      tokenStorage: config.payments.tokenStorage,
    },
  });
  captures = desk;
  stopper.add('captures', async () => await desk.settle(SETTLE_LIMIT_MS));
  return { calls, captures, telephonyPort };
}
