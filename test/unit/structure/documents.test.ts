import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../../src/config/settings.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))];

const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');
const matchesOf = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([all, group]) => group ?? all);

/** `/v1/payments/pay_…/refund` and `/v1/payments/{payment_id}/refund` are one path. */
const shapeOf = (path: string): string => path.replaceAll(/\{[^}]+\}|[a-z]{2,}_[^/]*…/g, '*');
const { paths } = parse(textOf('openapi.yaml')) as { paths: Record<string, unknown> };
const PATHS = new Set(Object.keys(paths).map(shapeOf));

describe.each(DOCUMENTS)('%s', (document) => {
  const text = textOf(document);

  it('links to what is there', () => {
    const links = matchesOf(text, /\]\(([^)]+)\)/g).filter((link) => !/^https?:/.test(link));
    const broken = links.filter((link) => !existsSync(join(ROOT, dirname(document), link)));
    expect(broken).toEqual([]);
  });

  it('names tests, sources and scripts that are there', () => {
    const named = matchesOf(text, /`((?:src|test|scripts|simulators|bench)\/[\w./-]*)`/g);
    const missing = named.filter((path) => {
      if (existsSync(join(ROOT, path))) return false;
      const siblings = existsSync(join(ROOT, dirname(path))) ? readdirSync(join(ROOT, dirname(path))) : [];
      return !siblings.includes(`${basename(path)}.test.ts`);
    });
    expect(missing).toEqual([]);
  });

  it('names operations that the contract has', () => {
    const named = matchesOf(text, /(?<=[`'/: ]|localhost:8080|gateway\.example)\/v1\/[\w/{}…-]+/g);
    expect(named.filter((path) => !PATHS.has(shapeOf(path)))).toEqual([]);
  });

  it('names settings that the gateway reads', () => {
    const named = matchesOf(text, /`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g);
    const ours = named.filter((name) => !name.startsWith('CKM_') && !OTHERS.has(name));
    expect(ours.filter((name) => !Object.hasOwn(SETTINGS, name))).toEqual([]);
  });
});

/** Of the tests, of jambonz and of OpenSSL. */
const OTHERS = new Set(['CHAOS_SEED', 'JAMBONES_LOGLEVEL', 'SSL_OP_CLEANSE_PLAINTEXT']);

it('every guide is to be found from the README', () => {
  const guides = DOCUMENTS.filter((document) => document.startsWith('docs/'));
  const links = matchesOf(textOf('README.md'), /\]\((docs\/[^)]+)\)/g);
  expect(guides.toSorted()).toEqual([...new Set(links)].toSorted());
});
