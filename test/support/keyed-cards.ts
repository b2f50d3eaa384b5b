import { startRecordingRelay, type RecordingRelay } from '../../simulators/residue/recording-relay.ts';
import type { StackOptions } from '../../simulators/stack/stack.ts';
import { randomCard, randomDigits } from './adapter-residue.ts';
import type { ResidueSearch } from './residue.ts';

/** As a caller keys it; nothing else knows these digits. */
export interface RandomCard {
  readonly cardNumber: readonly number[];
  /** MMYY. */
  readonly expiry: readonly number[];
  readonly securityCode: readonly number[];
  readonly pin: readonly number[];
}

/** A Visa of 16 digits. */
export function randomKeyedCard(): RandomCard {
  return { ...randomCard([4]), pin: randomDigits(12) };
}

/**
 * What must not be left of cards: number and PIN in every form; and the values that are too short to be looked for alone
 * within the run of keys, and as members of the plaintext that is sealed.
 */
export function residueOfCards(
  cards: Readonly<Record<string, RandomCard>>,
): Required<Pick<ResidueSearch, 'values' | 'contexts'>> {
  return {
    values: Object.fromEntries(
      Object.entries(cards).flatMap(([name, { cardNumber, pin }]) => [
        [`${name}: card number`, cardNumber],
        [`${name}: PIN`, pin],
      ]),
    ),
    contexts: Object.entries(cards).flatMap(([name, { cardNumber, expiry, securityCode, pin }]) => [
      {
        name: `${name}: keys in a row`,
        before: cardNumber.slice(-4).join(''),
        digits: [...expiry, ...securityCode],
      },
      { name: `${name}: security code`, before: '"security_code":"', digits: securityCode },
      { name: `${name}: PIN`, before: '"pin":"', digits: pin },
    ]),
  };
}

/** Relays for `StackOptions.through`, which record what the gateway says to its provider and to its database. */
export function startRelays(): {
  readonly through: NonNullable<StackOptions['through']>;
  readonly started: Record<'provider' | 'database', RecordingRelay>;
} {
  const started = {} as Record<'provider' | 'database', RecordingRelay>;
  return {
    started,
    async through(peer, url) {
      started[peer] = await startRecordingRelay(url);
      return started[peer].url;
    },
  };
}
