import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { loadContract } from '../../../src/http/contract.ts';
import { html, inline, prose } from '../../../src/http/reference/html.ts';
import { readModel } from '../../../src/http/reference/model.ts';
import { referencePage, STYLE_DIGEST } from '../../../src/http/reference/page.ts';
import { contractHandlers } from '../../../src/http/routes/contract.ts';

const CONTRACT = loadContract(new URL('../../../openapi.yaml', import.meta.url));
const model = readModel(CONTRACT.document);
const page = referencePage(model);

const HOSTILE = `<script>alert('"&')</script>`;
const ESCAPED = '&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;';

describe('markup', () => {
  test('values are escaped, markup is not escaped twice, nothing is nothing', () => {
    expect(html`<p title="${HOSTILE}">${[HOSTILE, html`<b>${1}</b>`]}${undefined}</p>`.markup).toBe(
      `<p title="${ESCAPED}">${ESCAPED}<b>1</b></p>`,
    );
  });

  test('prose knows paragraphs, lists, code and strong text, and escapes all of them', () => {
    expect(inline('a `b<c` **d&e** f').markup).toBe('a <code>b&lt;c</code> <strong>d&amp;e</strong> f');
    const { markup } = prose(`one\n\n- two\n  more\n- ${HOSTILE}`);
    expect(markup.replaceAll(/>\s+</g, '><')).toBe(
      `<p>one</p><ul><li>two\n  more</li><li>${ESCAPED}</li></ul>`,
    );
    expect(prose(undefined).markup).toBe('');
  });
});

describe('the page', () => {
  test('tells every operation, with its parameters, answers and codes', () => {
    expect(model.operations.length).toBeGreaterThan(30);
    for (const { id, path, summary, parameters, answers } of [...model.operations, ...model.webhooks]) {
      const article = page.slice(page.indexOf(`<article id="${id}">`)).split('</article>')[0] ?? '';
      expect(article).toContain(path);
      expect(article).toContain(html`${summary}`.markup);
      for (const { name } of parameters) expect(article).toContain(`<code>${name}</code>`);
      for (const { status, codes } of answers) {
        expect(article).toContain(`<strong>${status}</strong>`);
        for (const code of codes) expect(article).toContain(`<code>${code}</code>`);
      }
    }
    const conflict = model.operations
      .find(({ id }) => id === 'createCapture')
      ?.answers.find(({ status }) => status === '409');
    expect(conflict?.codes).toContain('capture_running');
  });

  test('tells every schema, with what it holds', () => {
    for (const { name, shape } of model.schemas) {
      const section = page.slice(page.indexOf(`<h3 id="schema-${name}">`)).split('<h3 id=')[1] ?? '';
      for (const row of shape.rows) expect(section).toContain(`<code>${row.name}</code>`);
    }
    const evidence = model.schemas
      .find(({ name }) => name === 'Evidence')
      ?.shape.rows.map(({ name }) => name);
    expect(evidence).toEqual(expect.arrayContaining(['sentinel.digits_heard', 'steps[].at_ms']));
  });

  test('links lead somewhere on the page, each place once', () => {
    const places = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(places).size).toBe(places.length);
    const links = new Set([...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id));
    expect(links.size).toBeGreaterThan(80);
    expect(places).toEqual(expect.arrayContaining([...links]));
  });

  test('has nothing to run and nothing to load, and only the style sheet that is allowed', () => {
    expect(page).not.toMatch(/<script|<img|<link|<iframe|\sstyle=|\son\w+=|javascript:/i);
    const styles = [...page.matchAll(/<style>([^]*?)<\/style>/g)].map(([, style]) => style ?? '');
    expect(styles.map((style) => `sha256-${createHash('sha256').update(style).digest('base64')}`)).toEqual([
      STYLE_DIGEST,
    ]);
  });

  test('a contract full of markup does no harm', () => {
    const hostile = JSON.parse(
      JSON.stringify({
        openapi: '3.1.0',
        info: { title: HOSTILE, version: HOSTILE, description: HOSTILE },
        tags: [{ name: HOSTILE, description: HOSTILE }],
        paths: {
          [HOSTILE]: {
            get: {
              operationId: HOSTILE,
              tags: [HOSTILE],
              summary: HOSTILE,
              security: [{ bearer: [HOSTILE] }],
              parameters: [
                { name: HOSTILE, in: 'query', description: HOSTILE, schema: {}, example: HOSTILE },
              ],
              responses: {
                200: {
                  description: HOSTILE,
                  content: { [HOSTILE]: { schema: { $ref: '#/components/schemas/A' } } },
                },
              },
            },
          },
        },
        components: {
          schemas: {
            A: {
              description: HOSTILE,
              properties: { [HOSTILE]: { type: HOSTILE, enum: [HOSTILE], pattern: HOSTILE } },
              examples: [HOSTILE],
            },
          },
        },
      }),
    ) as Record<string, unknown>;
    const harmless = referencePage(readModel(hostile));
    expect(harmless).toContain(ESCAPED);
    expect(harmless).not.toContain('<script');
    // A value in quotes stays in its quotes.
    expect(harmless).not.toMatch(/="[^"]*<script/);
  });
});

describe('the operations', () => {
  test('are those of the contract', () => {
    expect(Object.keys(contractHandlers(CONTRACT))).toEqual(
      model.operations.filter(({ tag }) => tag === 'contract').map(({ id }) => id),
    );
  });
});
