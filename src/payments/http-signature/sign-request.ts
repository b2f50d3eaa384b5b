import { signBase, type SigningKey } from './algorithms.ts';
import {
  signatureBase,
  signatureParams,
  type SignatureParameters,
  type SignedRequest,
} from './signature-base.ts';

/** RFC 8941 section 3.2: a key of a dictionary. */
export const SIGNATURE_LABEL = /^[a-z*][a-z0-9_.*-]*$/;

export interface SigningOptions {
  readonly key: SigningKey;
  readonly components: readonly string[];
  readonly parameters: SignatureParameters;
  /** Which signature of the message this is; default `sig1`. */
  readonly label?: string;
}

/** The two header fields of a signed request (RFC 9421 sections 4.1 and 4.2). Throws `signature_component`. */
export function signRequest(
  request: SignedRequest,
  { key, components, parameters, label = 'sig1' }: SigningOptions,
): { readonly 'signature-input': string; readonly signature: string } {
  const params = signatureParams(components, parameters);
  const base = signatureBase(request, components, params);
  return {
    'signature-input': `${label}=${params}`,
    signature: `${label}=:${signBase(key, Buffer.from(base, 'utf8')).toString('base64')}:`,
  };
}
