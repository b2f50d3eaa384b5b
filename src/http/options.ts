import type { TokenVerifier } from '../access/access-token.ts';
import type { AuthorizationServer } from '../access/authorization-server.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ConnectorDesk } from '../workflows/connector/contract.ts';
import type {
  AuditDesk,
  CallDesk,
  CaptureDesk,
  GrantDesk,
  HealthReport,
  IdempotencyDesk,
} from '../workflows/contract.ts';
import type { PaymentDesk } from '../workflows/payments/contract.ts';
import type { ProviderDesk } from '../workflows/providers/contract.ts';
import type { TokenDesk } from '../workflows/tokens/contract.ts';
import type { AccountEventDesk, WebhookDesk } from '../workflows/webhooks/contract.ts';
import type { AccessRules } from './auth.ts';
import type { Contract } from './contract.ts';
import type { ListenerOptions } from './listener.ts';
import type { RateLimits } from './rate-limit.ts';

/** What the HTTP interface is built of: the desks behind its operations, and how it listens. */
export interface HttpOptions {
  readonly contract: Contract;
  readonly captures: CaptureDesk;
  readonly calls: CallDesk;
  readonly grants: GrantDesk;
  readonly audit: AuditDesk;
  readonly payments: PaymentDesk;
  readonly providers: ProviderDesk;
  readonly cardTokens: TokenDesk;
  /** Other voice platforms may hand over card details. Absent: that operation is not there. */
  readonly connector?: ConnectorDesk;
  readonly webhooks: WebhookDesk;
  readonly accountEvents: AccountEventDesk;
  readonly idempotency: IdempotencyDesk;
  readonly readiness: () => Promise<HealthReport>;
  readonly verifyToken: TokenVerifier;
  readonly authorization: AuthorizationServer;
  /** Lists of blocks that the address of a request must be in, each of them; an empty list allows any. */
  readonly networksOf?: AccessRules['networksOf'];
  readonly listener: ListenerOptions;
  readonly rateLimits: RateLimits;
  /** Origins of web pages that may call from a browser. */
  readonly panelOrigins: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** Ask clients for a certificate, whoever signed it: tokens can be bound to one (RFC 8705). */
    readonly askForCertificates?: boolean;
  };
  /** Compare every response with the contract and fail the request when it differs. Off in production. */
  readonly checkResponses: boolean;
  /** How long closing waits for requests that are being worked on. */
  readonly settleLimitMs: number;
}
