/** Who a request may come from: the roles, a grant, another account, nobody. */
export const TOKENS = [
  'integrator',
  'agent',
  'supervisor',
  'auditor',
  'admin',
  'grant',
  'unscoped',
  'stranger',
  'none',
] as const;

/** What is no token, or none that is taken. */
export const BROKEN_TOKENS = [
  'expired',
  'unsigned',
  'cut',
  'foreign',
  'garbage',
  'huge',
  'basic',
  'binary',
] as const;

export type TokenName = (typeof TOKENS)[number] | (typeof BROKEN_TOKENS)[number];
