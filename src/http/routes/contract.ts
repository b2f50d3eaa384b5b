import type { Contract } from '../contract.ts';
import type { Handlers } from '../handlers.ts';
import { readModel } from '../reference/model.ts';
import { referencePage, STYLE_DIGEST } from '../reference/page.ts';

/** The contract changes with the program only: a page of an hour ago does no harm. */
const CACHE_SECONDS = 3600;

/** The operations of the tag `contract`. */
export function contractHandlers({ document }: Contract): Handlers {
  const page = referencePage(readModel(document));
  const cacheControl = `public, max-age=${CACHE_SECONDS}`;
  return {
    async getOpenApi(_request, reply) {
      reply.header('cache-control', cacheControl);
      return document;
    },
    async getReference(_request, reply) {
      // The page has one style sheet, its own, and nothing else to load or to run.
      reply
        .header('cache-control', cacheControl)
        .header(
          'content-security-policy',
          `default-src 'none'; style-src '${STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
        )
        .type('text/html; charset=utf-8');
      return page;
    },
  };
}
