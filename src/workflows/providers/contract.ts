import type { Amount, CheckFinding, PaymentProvider, Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { Actor } from '../contract.ts';

/** A provider with one configuration, for good. Once that is replaced it sends nothing and finds nothing any more. */
export interface PinnedProvider {
  readonly provider: PaymentProvider;
  /** Another configuration of the provider, secret members included, has another number. */
  readonly configurationVersion: number;
}

/** A provider that an account may use, connected. */
export interface RoutedProvider {
  /** `prv_…`, or `default` for the one that the installation brings. */
  readonly id: string;
  readonly kind: string;
  readonly mode: Mode;
  /** Each call goes out with what is configured at that moment. */
  readonly provider: PaymentProvider;
  /** As it is configured now. Absent: its configuration never changes (`default`). */
  readonly pinned?: () => PinnedProvider;
  /** It is disabled or deleted: for what it has taken already, and no new payment. */
  readonly retired?: true;
}

/** What decides where a payment goes. */
export interface RoutingQuestion {
  readonly mode: Mode;
  readonly purpose: Purpose;
  readonly amount?: Amount;
  readonly brand?: string;
  /** A PIN goes with the card. */
  readonly pin?: boolean;
}

/** The providers of every account, as its configuration has them now. */
export interface ProviderDirectory {
  /**
   * Those that may take the payment, the preferred one first; the next one is asked only when the one before was
   * `unavailable` and nothing was sent. Empty: none fits. What cannot be connected (its key is gone, its kind too) is
   * left out, and logged.
   */
  route(accountId: string, question: RoutingQuestion): Promise<readonly RoutedProvider[]>;
  /**
   * For what an earlier attempt went to, also when it is disabled or deleted by now; undefined when it is gone. Rejects
   * with `provider_unusable` when it is there and cannot be connected.
   */
  find(accountId: string, providerId: string): Promise<RoutedProvider | undefined>;
}

/** A configuration as an account writes it: JSON after the kind's schema, secrets as plain text. */
export type ConfigurationRequest = Readonly<Record<string, unknown>>;

export interface ProviderRequest {
  readonly kind: string;
  readonly name: string;
  readonly mode: Mode;
  readonly configuration: ConfigurationRequest;
  readonly state?: 'active' | 'disabled';
}

export interface ProviderChanges {
  readonly name?: string;
  readonly state?: 'active' | 'disabled';
  /** JSON Merge Patch (RFC 7396). A secret that is left out, or sent back as it was shown, stays. */
  readonly configuration?: ConfigurationRequest;
}

export interface ProviderResource {
  /** `prv_…` */
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly mode: Mode;
  readonly state: 'active' | 'disabled';
  /** In the place of each secret `{ "set": true }`, with a hint for a long one. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface ProviderKindResource {
  readonly kind: string;
  /** JSON Schema (2020-12). */
  readonly configuration_schema: Readonly<Record<string, unknown>>;
}

export interface ProviderCheckResource {
  readonly provider_id: string;
  readonly kind: string;
  readonly mode: Mode;
  readonly ok: boolean;
  readonly findings: readonly CheckFinding[];
  readonly checked_at: string;
}

export interface RoutingRuleRequest {
  readonly mode: Mode;
  readonly currencies?: readonly string[];
  readonly brands?: readonly string[];
  readonly purposes?: readonly Purpose[];
  /** Minor units, both included; only together with currencies. */
  readonly amount_from?: number;
  readonly amount_to?: number;
  /** `prv_…` or `default`, the preferred one first. */
  readonly providers: readonly string[];
}

export interface RoutingRuleResource extends RoutingRuleRequest {
  /** `rule_…` */
  readonly id: string;
}

export interface RoutingRequest {
  readonly rules: readonly RoutingRuleRequest[];
}

export interface RoutingResource {
  readonly rules: readonly RoutingRuleResource[];
}

/** A client of the interface, or whoever runs a command on the server. */
export type ProviderActor = Actor | { readonly accountId: string; readonly operator: string };

export interface ProviderDesk {
  kinds(): readonly ProviderKindResource[];
  /** Rejects with `provider_kind_unknown`, `provider_configuration`, `wrong_mode` or `providers_too_many`. */
  create(actor: ProviderActor, request: ProviderRequest): Promise<ProviderResource>;
  /** The oldest first. */
  list(actor: ProviderActor): Promise<ProviderResource[]>;
  /** This and the following reject with `provider_not_found`. */
  get(actor: ProviderActor, providerId: string): Promise<ProviderResource>;
  /** Rejects as `create` does, too. */
  update(actor: ProviderActor, providerId: string, changes: ProviderChanges): Promise<ProviderResource>;
  /** Payments that were made with it can still be refunded. Rejects with `provider_routed` while a rule names it. */
  remove(actor: ProviderActor, providerId: string): Promise<void>;
  /** Asks the provider itself. */
  check(actor: ProviderActor, providerId: string): Promise<ProviderCheckResource>;
  routing(actor: ProviderActor): Promise<RoutingResource>;
  /** Rejects with `routing_provider_unknown`, `routing_modes_mixed` or `routing_amount_unclear`. */
  setRouting(actor: ProviderActor, request: RoutingRequest): Promise<RoutingResource>;
}
