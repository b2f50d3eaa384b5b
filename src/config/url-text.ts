/** A base that paths are put behind. */
export const withoutTrailingSlash = (url: URL): string => url.href.replace(/\/+$/, '');
