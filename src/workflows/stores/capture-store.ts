import type { Queryable } from '../../db/database.ts';
import type { CaptureRequest, CaptureResource, EvidenceResource } from '../contract.ts';

const TERMINAL = ['succeeded', 'declined', 'failed', 'cancelled', 'expired', 'abandoned', 'interrupted'];

export interface NewCapture {
  readonly accountId: string;
  readonly instanceId: string;
  readonly requestedBy: string;
  readonly request: CaptureRequest;
  readonly resource: CaptureResource;
  /** The capture grant that it was started with. */
  readonly grantId?: string;
  /** The row of idempotency_keys that it was asked for under. */
  readonly idempotencyId?: string;
}

/**
 * Inserts a capture unless its call has a running one, or the request has started one already: the database holds the
 * rules, whatever instance asks. Returns whether it was inserted.
 */
export async function insertCapture(db: Queryable, capture: NewCapture): Promise<boolean> {
  const { resource, request } = capture;
  const rows = await db.query(
    `INSERT INTO captures
       (id, account_id, call_id, instance_id, status, purpose, amount, currency, reference, spec, view, requested_by,
        created_at, updated_at, grant_id, idempotency_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15)
     ON CONFLICT DO NOTHING
     RETURNING id`,
    [
      resource.id,
      capture.accountId,
      resource.call_id,
      capture.instanceId,
      resource.status,
      resource.purpose,
      resource.amount?.value ?? null,
      resource.amount?.currency ?? null,
      resource.reference ?? null,
      JSON.stringify(request),
      JSON.stringify(resource),
      capture.requestedBy,
      resource.created_at,
      capture.grantId ?? null,
      capture.idempotencyId ?? null,
    ],
  );
  return rows.length === 1;
}

/** Writes the state that a client sees. A capture that has ended stays as it is: false. */
export async function updateCapture(db: Queryable, resource: CaptureResource): Promise<boolean> {
  const rows = await db.query(
    `UPDATE captures SET status = $2, reason = $3, view = $4, updated_at = $5, ended_at = $6
     WHERE id = $1 AND status <> ALL ($7) RETURNING id`,
    [
      resource.id,
      resource.status,
      resource.reason ?? null,
      JSON.stringify(resource),
      resource.updated_at,
      resource.ended_at ?? null,
      TERMINAL,
    ],
  );
  return rows.length === 1;
}

/** A capture that has ended, and stays as it is until the transaction ends; undefined while it runs. */
export async function lockEndedCapture(
  db: Queryable,
  captureId: string,
): Promise<CaptureResource | undefined> {
  const rows = await db.query<{ view: CaptureResource }>(
    'SELECT view FROM captures WHERE id = $1 AND ended_at IS NOT NULL FOR NO KEY UPDATE',
    [captureId],
  );
  return rows[0]?.view;
}

/** Corrects an ended capture after its payment was looked up. */
export async function rewriteEndedCapture(db: Queryable, resource: CaptureResource): Promise<void> {
  await db.query('UPDATE captures SET view = $2, updated_at = $3 WHERE id = $1', [
    resource.id,
    JSON.stringify(resource),
    resource.updated_at,
  ]);
}

export async function findCaptureByIdempotencyId(
  db: Queryable,
  idempotencyId: string,
): Promise<CaptureResource | undefined> {
  const rows = await db.query<{ view: CaptureResource }>(
    'SELECT view FROM captures WHERE idempotency_key = $1',
    [idempotencyId],
  );
  return rows[0]?.view;
}

/** A capture, with what decides who may see it. */
export interface OwnedCapture {
  readonly view: CaptureResource;
  readonly agentId: string;
  readonly grantId: string | null;
}

export async function findOwnedCapture(db: Queryable, captureId: string): Promise<OwnedCapture | undefined> {
  const rows = await db.query<OwnedCapture>(
    `SELECT c.view, k.agent_id AS "agentId", c.grant_id AS "grantId"
     FROM captures c JOIN calls k ON k.account_id = c.account_id AND k.id = c.call_id WHERE c.id = $1`,
    [captureId],
  );
  return rows[0];
}

export async function saveEvidence(
  db: Queryable,
  captureId: string,
  evidence: EvidenceResource,
): Promise<void> {
  await db.query('UPDATE captures SET evidence = $2 WHERE id = $1', [captureId, JSON.stringify(evidence)]);
}

export async function findEvidence(db: Queryable, captureId: string): Promise<EvidenceResource | undefined> {
  const rows = await db.query<{ evidence: EvidenceResource | null }>(
    'SELECT evidence FROM captures WHERE id = $1',
    [captureId],
  );
  return rows[0]?.evidence ?? undefined;
}

/** Whose captures: a call's, everything that one instance owned, or a single one. */
export type CaptureOwner =
  { readonly callId: string } | { readonly instanceId: string } | { readonly captureId: string };

function ownerColumn(of: CaptureOwner): [string, string] {
  if ('callId' in of) return ['call_id', of.callId];
  return 'captureId' in of ? ['id', of.captureId] : ['instance_id', of.instanceId];
}

export interface OpenCapture {
  readonly accountId: string;
  readonly view: CaptureResource;
}

/** The captures of an owner that are not over. Locks the rows. */
export async function lockOpenCaptures(db: Queryable, of: CaptureOwner): Promise<OpenCapture[]> {
  const [column, value] = ownerColumn(of);
  return await db.query(
    `SELECT account_id AS "accountId", view FROM captures
     WHERE ${column} = $1 AND status <> ALL ($2) ORDER BY created_at, id FOR NO KEY UPDATE`,
    [value, TERMINAL],
  );
}
