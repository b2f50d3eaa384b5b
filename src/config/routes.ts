import type { RouteConfig } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

/** An E.164 number (at most 15 digits) or the user part of a SIP address. */
const CALLED_NUMBER = /^\+?[A-Za-z0-9._-]{1,64}$/;

/** Goes into database rows, tokens and URLs. */
const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const ENTRY_KEYS = new Set(['account', 'agent', 'target', 'recording']);

/** What jambonz needs to dial each type of target. */
const TARGET_REQUIREMENT: Readonly<Record<string, string>> = {
  phone: 'number',
  sip: 'sipUri',
  user: 'name',
  teams: 'number',
};

const TARGET_TEXTS = ['number', 'sipUri', 'name', 'trunk', 'tenant', 'overrideTo', 'proxy'];

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function targetFault(target: unknown): string | undefined {
  if (!isObject(target)) return '`target` is not an object';
  const { type } = target;
  const needed =
    typeof type === 'string' && Object.hasOwn(TARGET_REQUIREMENT, type)
      ? TARGET_REQUIREMENT[type]
      : undefined;
  if (needed === undefined) return '`target.type` is not one of `phone`, `sip`, `user`, `teams`';
  if (target[needed] === undefined) return `\`target.${needed}\` is missing`;
  for (const key of TARGET_TEXTS) {
    const value = target[key];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      return `\`target.${key}\` is not a text`;
  }
  return undefined;
}

function entryFaults(number: string, entry: unknown): string[] {
  const faults: string[] = [];
  if (!CALLED_NUMBER.test(number)) faults.push('is not a called number');
  if (!isObject(entry)) return [...faults, 'is not an object'];
  for (const key of Object.keys(entry)) {
    if (!ENTRY_KEYS.has(key)) faults.push(`\`${key}\` is not known`);
  }
  for (const key of ['account', 'agent']) {
    const value = entry[key];
    if (typeof value !== 'string' || !IDENTIFIER.test(value)) {
      faults.push(`\`${key}\` is not 1 to 64 letters, digits, \`.\`, \`_\` or \`-\``);
    }
  }
  const fault = targetFault(entry['target']);
  if (fault !== undefined) faults.push(fault);
  if (entry['recording'] !== undefined && !isObject(entry['recording'])) {
    faults.push('`recording` is not an object');
  }
  return faults;
}

/**
 * The routes of a JSON text, and what is wrong with it: one text for each bad entry, whatever is wrong within it.
 * An empty table is a fault: no call could come in.
 */
export function parseRoutes(json: string): { routes: Record<string, RouteConfig>; faults: string[] } {
  let table: unknown;
  try {
    table = JSON.parse(json);
  } catch {
    return { routes: {}, faults: ['is not JSON'] };
  }
  if (!isObject(table)) return { routes: {}, faults: ['is not a JSON object'] };
  const entries = Object.entries(table);
  if (entries.length === 0) return { routes: {}, faults: ['has no entry'] };
  const faults: string[] = [];
  const routes: [string, RouteConfig][] = [];
  for (const [number, entry] of entries) {
    const found = entryFaults(number, entry);
    if (found.length > 0) faults.push(`entry ${JSON.stringify(number)}: ${found.join('; ')}`);
    else routes.push([number, toRoute(entry as JsonObject)]);
  }
  return { routes: Object.fromEntries(routes), faults };
}

function toRoute(entry: JsonObject): RouteConfig {
  const { account, agent, target, recording } = entry;
  return {
    accountId: account as string,
    agentId: agent as string,
    target: target as JsonObject,
    ...(recording !== undefined && { recording: recording as JsonObject }),
  };
}

/** The routes of `ROUTES`, or of the file that `ROUTES_FILE` names. */
export function readRoutes(reader: SettingReader): Record<string, RouteConfig> {
  const inline = reader.text('ROUTES');
  const isInFile = reader.has('ROUTES_FILE');
  if (inline !== undefined && isInFile) {
    reader.report('ROUTES', 'is set together with `ROUTES_FILE`', 'only one of the two');
  }
  if (inline === undefined && !isInFile) reader.missing('ROUTES', 'unless `ROUTES_FILE` is set');
  const json = inline ?? reader.file('ROUTES_FILE');
  if (json === undefined) return {};
  const { routes, faults } = parseRoutes(json);
  const name = inline === undefined ? 'ROUTES_FILE' : 'ROUTES';
  for (const fault of faults) reader.report(name, fault);
  return routes;
}
