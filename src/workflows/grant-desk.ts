import type { AuditEntry } from '../audit/entry.ts';
import { appendAudit } from '../audit/store.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { auditEntry } from './audit-entry.ts';
import type {
  Actor,
  CaptureSubscription,
  GrantActor,
  GrantDesk,
  GrantRequest,
  GrantResource,
  IssuedGrantResource,
} from './contract.ts';
import { grantEnded } from './granted-request.ts';
import { refuseUnknownCurrency } from './known-currency.ts';
import { findCallState } from './stores/call-store.ts';
import {
  findEndedGrants,
  findGrant,
  insertGrant,
  isGrantStanding,
  revokeGrant,
  type Grant,
} from './stores/grant-store.ts';
import { refuseCardLike } from './take-payment/order.ts';

const DEFAULT_LIFETIME_SECONDS = 300;
/** Streams that a grant opened are held against the database this often. */
const WATCH_INTERVAL_MS = 1000;

/** Signs the token of a grant: `at+jwt`, for the grant's agent, valid as long as the grant. */
export type GrantTokenIssuer = (grant: {
  readonly id: string;
  readonly accountId: string;
  readonly agentId: string;
  readonly clientId: string;
  readonly lifetimeSeconds: number;
}) => Promise<string>;

export interface GrantDeskOptions {
  readonly database: Database;
  readonly issueToken: GrantTokenIssuer;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Watcher {
  readonly grantId: string;
  readonly ended: () => void;
}

/** Capture grants: given by an integrator, checked on every request that comes with one. */
export class Grants implements GrantDesk {
  readonly #options: GrantDeskOptions;
  readonly #watchers = new Set<Watcher>();
  #looking = false;

  constructor(options: GrantDeskOptions) {
    this.#options = options;
  }

  async create(actor: Actor, request: GrantRequest): Promise<IssuedGrantResource> {
    const { database, issueToken, clock } = this.#options;
    refuseCardLike(request.agent_id, 'agent_id');
    refuseCardLike(actor.subject, 'subject');
    if (request.purpose === 'tokenize' && request.amount !== undefined) {
      throw new HushtoneError(
        'amount_not_allowed',
        'invalid',
        'tokenize moves no money: leave the amount out.',
      );
    }
    if (request.amount !== undefined) refuseUnknownCurrency(request.amount.currency, 'amount/currency');
    const lifetimeSeconds = request.expires_in_seconds ?? DEFAULT_LIFETIME_SECONDS;
    const createdAt = clock.now();
    const grant: Grant = {
      id: newId('gnt'),
      accountId: actor.accountId,
      agentId: request.agent_id,
      ...(request.call_id !== undefined && { callId: request.call_id }),
      purpose: request.purpose,
      ...(request.amount && { amount: request.amount }),
      ...(request.fields && { fields: request.fields }),
      uses: request.uses ?? 'once',
      useCount: 0,
      clientId: actor.clientId,
      createdBy: actor.subject,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + lifetimeSeconds * 1000),
    };
    const token = await issueToken({ ...grant, lifetimeSeconds });
    await database.transaction(actor.accountId, async (db) => {
      if (grant.callId !== undefined) {
        const call = await findCallState(db, grant.callId);
        if (call === undefined || call.state === 'ended' || call.agentId !== grant.agentId) {
          throw new HushtoneError('call_not_found', 'not_found', 'The agent is on no such live call.');
        }
      }
      await insertGrant(db, grant);
      await appendAudit(db, [
        auditEntry(actor, 'grant.create', { type: 'grant', id: grant.id }, { after: auditedGrant(grant) }),
      ]);
    });
    return { ...grantResource(grant, createdAt), token };
  }

  async get(actor: Actor, grantId: string): Promise<GrantResource> {
    const { database, clock } = this.#options;
    const grant = await database.transaction(actor.accountId, async (db) => await findGrant(db, grantId));
    if (grant === undefined) throw notFound();
    return grantResource(grant, clock.now());
  }

  async revoke(actor: Actor, grantId: string): Promise<GrantResource> {
    const { database, clock } = this.#options;
    const at = clock.now();
    const grant = await database.transaction(actor.accountId, async (db) => {
      const revoked = await revokeGrant(db, grantId, at);
      const stands = await findGrant(db, grantId);
      if (stands === undefined) throw notFound();
      if (revoked) {
        const object = { type: 'grant', id: grantId };
        await appendAudit(db, [
          auditEntry(actor, 'grant.revoke', object, {
            before: { revoked_at: null },
            after: { revoked_at: at.toISOString() },
          }),
        ]);
      }
      return stands;
    });
    this.#end([grantId]);
    return grantResource(grant, clock.now());
  }

  async check({ accountId, subject, grantId }: GrantActor): Promise<void> {
    const { database, clock } = this.#options;
    const standing = await database.transaction(
      accountId,
      async (db) => await isGrantStanding(db, grantId, subject, clock.now()),
    );
    if (standing) return;
    throw grantEnded();
  }

  watch({ grantId }: GrantActor, ended: () => void): CaptureSubscription {
    const watcher: Watcher = { grantId, ended };
    this.#watchers.add(watcher);
    this.#schedule();
    return { close: () => void this.#watchers.delete(watcher) };
  }

  #schedule(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#options.clock.after(WATCH_INTERVAL_MS, () => void this.#look());
  }

  /** Stops by itself when nobody watches any more. */
  async #look(): Promise<void> {
    const { database, clock, logger } = this.#options;
    const watched = [...new Set([...this.#watchers].map(({ grantId }) => grantId))];
    if (watched.length > 0) {
      try {
        const at = clock.now();
        const ended = await database.systemTransaction(async (db) => await findEndedGrants(db, watched, at));
        this.#end(ended);
      } catch (error) {
        logger.warn('capture grants not looked at', { count: watched.length, error });
      }
    }
    this.#looking = false;
    if (this.#watchers.size > 0) this.#schedule();
  }

  #end(grantIds: readonly string[]): void {
    for (const watcher of this.#watchers) {
      if (!grantIds.includes(watcher.grantId)) continue;
      this.#watchers.delete(watcher);
      watcher.ended();
    }
  }
}

function notFound(): HushtoneError {
  return new HushtoneError('grant_not_found', 'not_found', 'There is no such capture grant.');
}

/** A grant as the audit trail tells it. */
function auditedGrant(grant: Grant): NonNullable<AuditEntry['after']> {
  return {
    agent_id: grant.agentId,
    call_id: grant.callId,
    purpose: grant.purpose,
    amount: grant.amount && { ...grant.amount },
    fields: grant.fields?.map(({ field }) => field),
    uses: grant.uses,
    expires_at: grant.expiresAt.toISOString(),
  };
}

function statusOf(grant: Grant, now: Date): GrantResource['status'] {
  if (grant.revokedAt !== undefined) return 'revoked';
  if (grant.expiresAt <= now) return 'expired';
  return grant.uses === 'once' && grant.useCount > 0 ? 'used' : 'active';
}

function grantResource(grant: Grant, now: Date): GrantResource {
  return {
    id: grant.id,
    status: statusOf(grant, now),
    agent_id: grant.agentId,
    ...(grant.callId !== undefined && { call_id: grant.callId }),
    purpose: grant.purpose,
    ...(grant.amount && { amount: grant.amount }),
    ...(grant.fields && { fields: grant.fields }),
    uses: grant.uses,
    use_count: grant.useCount,
    created_at: grant.createdAt.toISOString(),
    expires_at: grant.expiresAt.toISOString(),
    ...(grant.revokedAt && { revoked_at: grant.revokedAt.toISOString() }),
  };
}
