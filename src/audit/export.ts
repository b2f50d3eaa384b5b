import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { ChainLink } from './chain.ts';

/** Tells a reader how the file is made; it changes when a line does. */
const FORMAT = 'hushtone-audit-1';

/** Records are read this many at a time. */
const PAGE = 500;

/** Signs the bytes of a manifest, detached (CMS, DER). */
export type ManifestSigner = (manifest: Uint8Array, signedAt: Date) => Uint8Array;

/** What is in an export: it goes with it, signed, so that nothing can be taken out or put in on the way. */
export interface ExportManifest {
  readonly format: typeof FORMAT;
  readonly account_id: string;
  /** The filter that was asked for; empty: the whole trail. */
  readonly filter: Readonly<Record<string, string>>;
  readonly made_at: string;
  readonly records: number;
  readonly first_sequence?: number;
  readonly last_sequence?: number;
  /** Of the record lines, their line feeds included; base64url. */
  readonly sha256: string;
  /** The signed checkpoint (JWS) that covers the most of it. */
  readonly checkpoint?: string;
}

export interface ExportRequest {
  readonly accountId: string;
  readonly filter: Readonly<Record<string, string>>;
  readonly madeAt: Date;
  /** The records after a sequence number, in the order of the chain. */
  readonly page: (after: number, limit: number) => Promise<readonly ChainLink[]>;
  /** The last signed checkpoint, if there is one. */
  readonly checkpoint: () => Promise<string | undefined>;
}

/** A record as one line of NDJSON: canonical JSON of `{hash, record}`, so that anyone can hash `record` again. */
export function exportLine({ hash, record }: ChainLink): string {
  return `{"hash":"${hash}","record":${record}}\n`;
}

/** The lines of an export in chunks; what it returns at the end is the manifest. */
export async function* exportRecords(
  request: ExportRequest,
): AsyncGenerator<string, ExportManifest, undefined> {
  const digest = createHash('sha256');
  let records = 0;
  let first: number | undefined;
  let last: number | undefined;
  for (;;) {
    const links = await request.page(last ?? 0, PAGE);
    if (links.length > 0) {
      const text = links.map(exportLine).join('');
      digest.update(text, 'utf8');
      records += links.length;
      first ??= links[0]?.sequence;
      last = links.at(-1)?.sequence;
      yield text;
    }
    if (links.length < PAGE) break;
  }
  const checkpoint = await request.checkpoint();
  return {
    format: FORMAT,
    account_id: request.accountId,
    filter: request.filter,
    made_at: request.madeAt.toISOString(),
    records,
    ...(first !== undefined && { first_sequence: first }),
    ...(last !== undefined && { last_sequence: last }),
    sha256: digest.digest('base64url'),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}

/** The very bytes that are signed: canonical JSON, without a line feed. */
export function manifestBytes(manifest: ExportManifest): Buffer {
  return Buffer.from(canonicalJson(manifest), 'utf8');
}

/** The manifest as the last line of a stream: `signature` is a CMS over its canonical JSON, DER in base64. */
export function manifestLine(manifest: ExportManifest, sign: ManifestSigner | undefined): string {
  const bytes = manifestBytes(manifest);
  const signature = sign && Buffer.from(sign(bytes, new Date(manifest.made_at))).toString('base64');
  return `{"manifest":${bytes.toString()}${signature === undefined ? '' : `,"signature":"${signature}"`}}\n`;
}
