import { createHash } from 'node:crypto';
import { escapeText, html, inline, prose, type Html } from './html.ts';
import type { Answer, Body, Example, Model, Operation, Parameter, SchemaRow, Shape } from './model.ts';

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--dim:#777}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
h2{border-top:3px solid var(--line);padding-top:1rem;margin-top:3rem}
h3{margin-top:2.5rem}
nav ul{columns:20rem;padding-left:1.2rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;border:1px solid var(--line);border-radius:4px;padding:.75rem}
table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}
td p{margin:0}
.scroll{overflow-x:auto}
.method{font-weight:700}
.dim{color:var(--dim)}
`;

/** What allows the page's style sheet in a Content-Security-Policy (CSP level 3). */
export const STYLE_DIGEST = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

/** The contract as a page: no script, nothing to load, every text escaped. */
export function referencePage(model: Model): string {
  const { title, version, description, tags, operations, webhooks, schemas } = model;
  const groups = tags
    .map((tag) => ({ ...tag, operations: operations.filter((operation) => operation.tag === tag.name) }))
    .filter((group) => group.operations.length > 0);
  const page = html`<header>
      <h1>${title} <span class="dim">${version}</span></h1>
      ${prose(description)}
      <p>The same as a file for programs: <a href="/openapi.json">openapi.json</a>.</p>
    </header>
    <nav>
      ${groups.map((group) => contents(group.name, group.operations))}
      ${contents('what the gateway sends', webhooks)}
      <h4>schemas</h4>
      <ul>
        ${schemas.map(({ name }) => html`<li><a href="#schema-${name}">${name}</a></li>`)}
      </ul>
    </nav>
    <main>
      ${groups.map(
        (group) =>
          html`<section>
            <h2>${group.name}</h2>
            ${prose(group.description)} ${group.operations.map(operationOf)}
          </section>`,
      )}
      <section>
        <h2>what the gateway sends</h2>
        ${webhooks.map(operationOf)}
      </section>
      <section>
        <h2>schemas</h2>
        ${schemas.map(
          ({ name, shape, examples }) =>
            html`<h3 id="schema-${name}">${name}</h3>
              ${shapeOf(shape)} ${examplesOf(examples)}`,
        )}
      </section>
    </main>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeText(title)}</title><meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>${page.markup}</body></html>`;
}

function contents(name: string, operations: readonly Operation[]): Html {
  return html`<h4>${name}</h4>
    <ul>
      ${operations.map(({ id, summary }) => html`<li><a href="#${id}">${summary}</a></li>`)}
    </ul>`;
}

function operationOf(operation: Operation): Html {
  const { id, method, path, summary, description, scopes, parameters, request, answers } = operation;
  return html`<article id="${id}">
    <h3>${summary}</h3>
    <p>
      <code><span class="method">${method}</span> ${path}</code> <span class="dim">${id}</span>
    </p>
    ${prose(description)}
    <p class="dim">
      ${scopes === undefined ? 'Needs no token.' : html`Scope: <code>${scopes.join(' ')}</code>`}
    </p>
    ${parameters.length === 0 ? undefined : parametersOf(parameters)}
    ${request.length === 0 ? undefined : html`<h4>Request</h4>`} ${request.map(bodyOf)}
    <h4>Responses</h4>
    ${answers.map(answerOf)}
  </article>`;
}

function parametersOf(parameters: readonly Parameter[]): Html {
  return html`<h4>Parameters</h4>
    <div class="scroll">
      <table>
        ${parameters.map(
          ({ name, place, required, description, shape, example }) =>
            html`<tr>
              <td>
                <code>${name}</code><br /><span class="dim">${place}${required ? ', required' : ''}</span>
              </td>
              <td>${typeOf(shape)}</td>
              <td>
                ${prose(description)} ${limitsOf(shape.limits)}
                ${example === undefined ? undefined : html`<p>Example: <code>${plain(example)}</code></p>`}
              </td>
            </tr>`,
        )}
      </table>
    </div>`;
}

function answerOf({ status, description, headers, bodies, codes }: Answer): Html {
  return html`<details>
    <summary><strong>${status}</strong> ${inline((description ?? '').trim())}</summary>
    ${codes.length === 0 ? undefined : html`<p>Codes: ${codes.map((code) => html`<code>${code}</code> `)}</p>`}
    ${headers.map(
      ({ name, description: what }) => html`<p><code>${name}</code>: ${inline((what ?? '').trim())}</p>`,
    )}
    ${bodies.map(bodyOf)}
  </details>`;
}

function bodyOf({ mediaType, shape, examples }: Body): Html {
  return html`<p><code>${mediaType}</code> ${typeOf(shape)}</p>
    ${shape.link === undefined ? shapeOf(shape) : undefined} ${examplesOf(examples)}`;
}

function shapeOf({ description, type, limits, rows }: Shape): Html {
  return html`${prose(description)}
    <p class="dim">${type}</p>
    ${limitsOf(limits)}
    ${
      rows.length === 0
        ? undefined
        : html`<div class="scroll">
            <table>
              ${rows.map(rowOf)}
            </table>
          </div>`
    }`;
}

function rowOf(row: SchemaRow): Html {
  return html`<tr>
    <td>
      <code>${row.name}</code>${row.required ? html`<br /><span class="dim">required</span>` : undefined}
    </td>
    <td>${typeOf(row)}</td>
    <td>${prose(row.description)} ${limitsOf(row.limits)}</td>
  </tr>`;
}

function typeOf({ type, link }: { readonly type: string; readonly link?: string }): Html {
  return link === undefined ? html`${type}` : html`<a href="#schema-${link}">${link}</a>`;
}

function limitsOf(limits: readonly string[]): Html | undefined {
  return limits.length === 0 ? undefined : html`<p class="dim">${limits.join(' · ')}</p>`;
}

function examplesOf(examples: readonly Example[]): Html {
  return html`${examples.map(
    ({ summary, value }) =>
      html`${summary === undefined ? undefined : html`<p>${summary}</p>`}
        <pre>${plain(value)}</pre>`,
  )}`;
}

const plain = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
