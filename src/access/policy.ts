import type { Reach } from '../kernel/reach.ts';
import type { Role } from '../kernel/roles.ts';
import type { Principal } from './principal.ts';

/** Who may call an operation, and how far. What is not named may not. A grant's token has no role but this column. */
export type Permission = Readonly<Partial<Record<Role | 'grant', Reach>>>;

const START: Permission = { integrator: 'account', agent: 'own', grant: 'grant' };
const STEER: Permission = START;
const HOOKS: Permission = { integrator: 'account', admin: 'account' };
const PAY: Permission = { integrator: 'account' };
const PAYMENTS: Permission = { integrator: 'account', supervisor: 'account', auditor: 'account' };
const PROVIDERS: Permission = { admin: 'account' };
const WATCH: Permission = { integrator: 'account', agent: 'own', grant: 'grant', supervisor: 'running' };

/**
 * Every operation of openapi.yaml by its `operationId`; one without a row is refused to everybody. A token needs the
 * scope that openapi.yaml names as well: a role says what someone is, a scope what this token was asked for.
 */
export const POLICY: Readonly<Record<string, Permission | 'everyone'>> = {
  createCapture: START,
  listCaptures: WATCH,
  getCapture: WATCH,
  streamCaptureEvents: WATCH,
  focusField: STEER,
  clearField: STEER,
  pauseCapture: STEER,
  resumeCapture: STEER,
  submitCapture: STEER,
  cancelCapture: { ...STEER, supervisor: 'running' },
  getCaptureEvidence: { integrator: 'account', auditor: 'account' },

  listCalls: { integrator: 'account', supervisor: 'account', agent: 'own' },
  searchCalls: { integrator: 'account', supervisor: 'account' },
  releaseCall: { integrator: 'account', supervisor: 'account' },

  createGrant: { integrator: 'account' },
  getGrant: { integrator: 'account' },
  revokeGrant: { integrator: 'account' },

  createWebhook: HOOKS,
  listWebhooks: HOOKS,
  getWebhook: HOOKS,
  updateWebhook: HOOKS,
  deleteWebhook: HOOKS,
  rotateWebhookSecret: HOOKS,
  listWebhookDeliveries: HOOKS,
  replayWebhookDelivery: HOOKS,
  streamAccountEvents: { integrator: 'account', supervisor: 'account' },

  createPayment: PAY,
  listPayments: PAYMENTS,
  getPayment: PAYMENTS,
  capturePayment: PAY,
  voidPayment: PAY,
  refundPayment: PAY,

  takeConnectorPayment: PAY,

  listCardTokens: PAYMENTS,
  getCardToken: PAYMENTS,
  updateCardToken: PAY,
  deleteCardToken: PAY,

  listProviderKinds: PROVIDERS,
  createProvider: PROVIDERS,
  listProviders: PROVIDERS,
  getProvider: PROVIDERS,
  updateProvider: PROVIDERS,
  deleteProvider: PROVIDERS,
  checkProvider: PROVIDERS,
  getProviderRouting: PROVIDERS,
  setProviderRouting: PROVIDERS,

  listAuditRecords: { auditor: 'account' },
  exportAuditRecords: { auditor: 'account' },

  getLiveness: 'everyone',
  getReadiness: 'everyone',

  getOpenApi: 'everyone',
  getReference: 'everyone',

  createToken: 'everyone',
  getJwks: 'everyone',
  getAuthorizationServerMetadata: 'everyone',
};

/** The roles whose clients may see whole telephone numbers, when their token has the scope `numbers:read` too. */
const NUMBER_ROLES: readonly Role[] = ['integrator', 'supervisor'];

/** Every way in which the principal may use the operation; empty: it may not. */
export function reachOf(operationId: string, principal: Pick<Principal, 'roles' | 'grantId'>): Reach[] {
  const permission = Object.hasOwn(POLICY, operationId) ? POLICY[operationId] : undefined;
  if (permission === undefined) return [];
  if (permission === 'everyone') return ['account'];
  const columns = principal.grantId === undefined ? principal.roles : (['grant'] as const);
  const reaches = columns.map((column) => permission[column]).filter((reach) => reach !== undefined);
  return [...new Set(reaches)];
}

export function maySeeNumbers(principal: Pick<Principal, 'roles' | 'scopes' | 'grantId'>): boolean {
  return (
    principal.grantId === undefined &&
    principal.scopes.has('numbers:read') &&
    principal.roles.some((role) => NUMBER_ROLES.includes(role))
  );
}
