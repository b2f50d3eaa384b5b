import type { Actor } from './actor.ts';

/** A request that came with an Idempotency-Key. */
export interface IdempotentRequest {
  /** 1 to 64 characters of the client's. */
  readonly key: string;
  /** `operationId` of openapi.yaml. */
  readonly operation: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** As parsed; undefined without one. */
  readonly body?: unknown;
}

/** The answer to a request, to be told again. Holds nothing that is told once only. */
export interface StoredAnswer {
  /** 200 to 499. */
  readonly status: number;
  /** JSON; undefined for an answer without a body. */
  readonly body?: unknown;
  readonly location?: string;
}

/** The right to work on a request, and what its effect is found by. */
export interface IdempotencyClaim {
  readonly accountId: string;
  /** One for each key and 24 hours; stays when the claim changes hands. */
  readonly id: string;
  readonly claim: string;
  /** Whoever had it before never answered: the effect may be there already. */
  readonly takenOver: boolean;
}

export interface IdempotencyDesk {
  /**
   * Claims the key, or tells the answer that was given under it. Two at once, of one process or several: one gets the
   * claim. Rejects with `idempotency_in_flight` or `idempotency_mismatch`.
   */
  begin(
    actor: Actor,
    request: IdempotentRequest,
  ): Promise<{ readonly claim: IdempotencyClaim } | { readonly answer: StoredAnswer }>;
  /** The answer is told to whoever sends the request again within 24 hours. Never rejects. */
  keep(claim: IdempotencyClaim, answer: StoredAnswer): Promise<void>;
  /** Nothing was done: the key is free again. Never rejects. */
  release(claim: IdempotencyClaim): Promise<void>;
  /**
   * Nobody can tell whether something was done, as after a commit whose answer was lost: whoever sends the request again
   * takes the claim over at once, under the same id. Never rejects.
   */
  abandon(claim: IdempotencyClaim): Promise<void>;
}
