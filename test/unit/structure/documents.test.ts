import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { USAGE as DEMO_USAGE } from '../../../simulators/demo/options.ts';
import { runAccounts } from '../../../src/cli/accounts.ts';
import { runAudit } from '../../../src/cli/audit.ts';
import { runClients } from '../../../src/cli/clients.ts';
import { runKeys } from '../../../src/cli/keys.ts';
import { runMigrate } from '../../../src/cli/migrate.ts';
import { runPayments } from '../../../src/cli/payments.ts';
import { runProviders } from '../../../src/cli/providers.ts';
import { runToken } from '../../../src/cli/token.ts';
import { SETTINGS } from '../../../src/config/settings.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))];

const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');
const matchesOf = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([all, group]) => group ?? all);

/** `/v1/payments/pay_…/refund` and `/v1/payments/{payment_id}/refund` are one path. */
const shapeOf = (path: string): string => path.replaceAll(/\{[^}]+\}|[a-z]{2,}_[^/]*…|\$[A-Z]+/g, '*');
const contract = parse(textOf('openapi.yaml')) as { paths: Record<string, Record<string, unknown>> };
const PATHS = new Set(Object.keys(contract.paths).map(shapeOf));

/** The source, where it is shell, with the lines that a backslash continues made one. */
const shellOf = (text: string): string[] =>
  matchesOf(text, /```sh\n([\s\S]*?)```/g).flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'));

/** Code within the text; a line break in it counts as a space. */
const quotedOf = (text: string): string[] =>
  matchesOf(text.replaceAll(/```[\s\S]*?```/g, ''), /`([^`]+)`/g).map((code) => code.replaceAll(/\s+/g, ' '));

/** What stands behind `hushtone`, up to whatever ends a command in the shell. */
const commandsOf = (text: string): string[][] => {
  const lines = shellOf(text).flatMap((line) => matchesOf(line, /(?:^|npx |\/)hushtone ([^#|;&)>]+)/g));
  const quoted = quotedOf(text).flatMap(
    (code) =>
      /^(?:npx )?(?:hushtone )?((?:accounts|clients|keys|payments|providers|audit|token) [\w -]+.*|migrate)$/.exec(
        code,
      )?.[1] ?? [],
  );
  return [...lines, ...quoted].map((command) => command.trim().split(/\s+/));
};

const usages: Record<string, string> = { serve: '', demo: DEMO_USAGE };

beforeAll(async () => {
  const commands = {
    accounts: runAccounts,
    audit: runAudit,
    clients: runClients,
    keys: runKeys,
    migrate: runMigrate,
    payments: runPayments,
    providers: runProviders,
    token: runToken,
  };
  for (const [name, command] of Object.entries(commands)) {
    const written = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      usages[name] = String(text);
      return true;
    });
    await command(['--help']);
    written.mockRestore();
  }
});

/** What is wrong with a command line, or undefined. */
function faultOf([name = '', ...words]: readonly string[]): string | undefined {
  const usage = usages[name];
  if (usage === undefined) return `no command ${name}`;
  const flags = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/[=\]].*$/, ''));
  const [subcommand = ''] = words;
  const hasSubcommands = usage.startsWith(`hushtone ${name} COMMAND`);
  if (!hasSubcommands || subcommand === '--help') return missingFlag(usage, flags);
  // The lines of this subcommand: its own, and those below it that are set further in.
  const own = [...usage.matchAll(/^ {2}([a-z-]+)\b.*\n(?: {3,}.*\n)*/gm)].filter(
    ([, found]) => found === subcommand,
  );
  if (own.length === 0) return `no command ${name} ${subcommand}`;
  return missingFlag(own.map(([lines]) => lines).join(''), flags);
}

function missingFlag(usage: string, flags: readonly string[]): string | undefined {
  const missing = flags.find((flag) => flag !== '--help' && !new RegExp(`${flag}(?![\\w-])`).test(usage));
  return missing === undefined ? undefined : `no option ${missing}`;
}

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');

/** The bodies that `curl` posts, each with its operation. */
const postsOf = (text: string) => {
  const lines = shellOf(text);
  const values = new Map(
    lines.flatMap((line) =>
      [...line.matchAll(/(?:^|\s)([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    ),
  );
  return lines.flatMap((line) => {
    const path = /\/v1\/[\w/…$-]+/.exec(line)?.[0];
    // A variable between two pieces of the text in quotes.
    const whole = line.replaceAll(/'\$([A-Z_]+)'/g, (_, name: string) => values.get(name) ?? '');
    const body = / -d '(\{.*?\})'/.exec(whole)?.[1];
    const method = / -X ([A-Z]+)/.exec(line)?.[1]?.toLowerCase() ?? 'post';
    return path === undefined || body === undefined ? [] : [{ path, method, body }];
  });
};

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ ...contract, $id: 'contract' });

/** What is wrong with a body, or undefined. An id that is cut short in the text stands for a whole one. */
function bodyFault({ path, method, body }: ReturnType<typeof postsOf>[number]): string | undefined {
  const template = Object.keys(contract.paths).find((known) => shapeOf(known) === shapeOf(path)) ?? path;
  const pointer = `${template.replaceAll('/', '~1')}/${method}/requestBody/content/application~1json/schema`;
  const whole = body.replaceAll('…', 'a'.repeat(26));
  const validate = ajv.compile({
    $ref: `contract#/paths/${encodeURIComponent(pointer).replaceAll('%2F', '/')}`,
  });
  return validate(JSON.parse(whole)) ? undefined : `${path}: ${ajv.errorsText(validate.errors)}`;
}

describe.each(DOCUMENTS)('%s', (document) => {
  const text = textOf(document);

  it('links to what is there', () => {
    const links = matchesOf(text, /\]\(([^)]+)\)/g).filter((link) => !/^https?:/.test(link));
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(ROOT, target))) return true;
      return (
        anchor !== undefined &&
        !matchesOf(textOf(target), /^#+ (.+)$/gm)
          .map(anchorOf)
          .includes(anchor)
      );
    });
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

  it('shows commands and options that there are', () => {
    const faults = commandsOf(text).map((words) => [words.join(' '), faultOf(words)]);
    expect(faults.filter(([, fault]) => fault !== undefined)).toEqual([]);
  });

  it('shows requests that the contract takes', () => {
    expect(postsOf(text).flatMap((post) => bodyFault(post) ?? [])).toEqual([]);
  });

  it('sets the variables that its commands read', () => {
    const source = shellOf(text).join('\n');
    const read = matchesOf(source, /\$([A-Z][A-Z0-9_]*)/g);
    const set = new Set(matchesOf(source, /(?:^|\s)(?:export )?([A-Z][A-Z0-9_]*)=/gm));
    expect([...new Set(read)].filter((name) => !set.has(name))).toEqual([]);
  });

  it('has lines of 120 characters at most, but for tables', () => {
    expect(text.split('\n').filter((line) => line.length > 120 && !line.startsWith('|'))).toEqual([]);
  });
});

/** Of the tests, of jambonz and of OpenSSL. */
const OTHERS = new Set(['CHAOS_SEED', 'JAMBONES_LOGLEVEL', 'SSL_OP_CLEANSE_PLAINTEXT']);

it('every guide is to be found from the README', () => {
  const guides = DOCUMENTS.filter((document) => document.startsWith('docs/'));
  const links = matchesOf(textOf('README.md'), /\]\((docs\/[^)]+)\)/g);
  expect(guides.toSorted()).toEqual([...new Set(links)].toSorted());
});
