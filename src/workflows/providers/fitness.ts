import { HushtoneError } from '../../kernel/errors.ts';
import type { ProviderKind } from '../../payments/kind.ts';
import type { ProviderDependencies } from './dependencies.ts';
import type { ProviderRecord } from './provider-store.ts';
import { checkConfiguration } from './validation.ts';

/** ISO/IEC 7812-1: the shortest card number that is in use. */
const CARD_NUMBER_LIKE = /\d(?:[ -]?\d){11}/;

/** Throws `provider_kind_unknown`. */
export function kindOf({ kinds }: Pick<ProviderDependencies, 'kinds'>, name: string): ProviderKind {
  const kind = kinds.find(({ kind: known }) => known === name);
  if (kind !== undefined) return kind;
  const names = kinds.map(({ kind: known }) => known).join(', ');
  throw new HushtoneError(
    'provider_kind_unknown',
    'invalid',
    `There is no such kind of provider. Those that there are: ${names}.`,
  );
}

/** Refuses what would not connect, before anything is written. */
export function refuseUnfit(
  { directory }: Pick<ProviderDependencies, 'directory'>,
  kind: ProviderKind,
  mode: ProviderRecord['mode'],
  configuration: Readonly<Record<string, unknown>>,
): void {
  checkConfiguration(kind, mode, configuration);
  directory.tryOut(kind, mode, configuration);
}

/** Throws `provider_name_like_card`. */
export function refuseCardLikeName(name: string): void {
  if (!CARD_NUMBER_LIKE.test(name)) return;
  throw new HushtoneError(
    'provider_name_like_card',
    'invalid',
    'The name holds as many digits in a row as a card number has.',
  );
}
