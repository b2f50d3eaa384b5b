/**
 * What a client can do, as the use cases offer it, by resource. The shapes are those of openapi.yaml, in its words;
 * every response is checked against it outside production. Payments, providers, card tokens, webhooks and the connector
 * have contracts of their own beside their desks.
 */
export type * from './contract/actor.ts';
export type * from './contract/audit.ts';
export type * from './contract/calls.ts';
export type * from './contract/capture-desk.ts';
export type * from './contract/captures.ts';
export type * from './contract/evidence.ts';
export type * from './contract/fields.ts';
export type * from './contract/grants.ts';
export type * from './contract/health.ts';
export type * from './contract/idempotency.ts';
export type * from './contract/subscription.ts';
