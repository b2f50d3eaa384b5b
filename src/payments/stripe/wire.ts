/** Of the shapes that are sent and read, and of the types that hold them. */
export const API_VERSION = '2026-10-28.endive';

/** Under this name an attempt's key is in the metadata of what it made, so that it is found again. */
export const KEY_NAME = 'hushtone_key';

/** The same for the capture of a payment, whose metadata holds the payment's own key as well. */
export const CAPTURE_KEY_NAME = 'hushtone_capture_key';

/** Names that Stripe gives. A card number passes for none of them. */
export const PAYMENT_INTENT = /^pi_[A-Za-z0-9]{3,128}$/;
export const SETUP_INTENT = /^seti_[A-Za-z0-9]{3,128}$/;
export const PAYMENT_METHOD = /^pm_[A-Za-z0-9]{3,128}$/;
export const CUSTOMER = /^cus_[A-Za-z0-9]{3,128}$/;
export const REFUND = /^(?:re|pyr)_[A-Za-z0-9]{3,128}$/;
export const CVC_TOKEN = /^(?:cvctok|tok)_[A-Za-z0-9]{3,128}$/;

type Parameter = string | number | boolean | readonly Parameter[] | { readonly [name: string]: Parameter };

/** `application/x-www-form-urlencoded` as Stripe reads it: `a[b][0]=c`. */
export function formOf(parameters: object): string {
  return pairsOf(parameters as { readonly [name: string]: Parameter })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}

function pairsOf(
  parameters: { readonly [name: string]: Parameter } | readonly Parameter[],
  within?: string,
): [string, string][] {
  return Object.entries(parameters).flatMap(([name, value]: [string, Parameter]) => {
    const encoded = encodeURIComponent(name);
    const path = within === undefined ? encoded : `${within}[${encoded}]`;
    return typeof value === 'object' ? pairsOf(value, path) : [[path, String(value)] as [string, string]];
  });
}
