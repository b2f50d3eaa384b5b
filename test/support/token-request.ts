import { TOKEN_PATH } from '../../src/access/authorization-server.ts';

/** The authorization server that tests ask. */
export const ISSUER = 'https://gateway.test';
export const TOKEN_URL = `${ISSUER}${TOKEN_PATH}`;

export type Form = Readonly<Record<string, string>>;
