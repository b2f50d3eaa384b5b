/** How the encrypted request stands in the body, and what its protected header says. */
export interface EnvelopeFormat {
  /** The member of a JSON body that holds the JWE; without it the JWE is the body, as `application/jose`. */
  readonly field?: string;
  readonly enc: 'A256GCM' | 'A128GCM';
  /** The unit of `iat`; RFC 7519 has seconds, and some have none of it. */
  readonly iat: 'seconds' | 'milliseconds' | 'none';
}

/** The forms that providers have. A configuration names one and may change what differs. */
export const PRESETS = {
  jose: { enc: 'A256GCM', iat: 'seconds' },
  encrypted_request: { field: 'encryptedRequest', enc: 'A256GCM', iat: 'seconds' },
  enc_data: { field: 'encData', enc: 'A128GCM', iat: 'milliseconds' },
  encrypted: { field: 'encrypted', enc: 'A256GCM', iat: 'seconds' },
} as const satisfies Record<string, EnvelopeFormat>;

export type PresetName = keyof typeof PRESETS;
