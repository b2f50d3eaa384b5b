import { HushtoneError } from '../kernel/errors.ts';
import { listEveryProvider, type ProviderRecord } from '../workflows/providers/provider-store.ts';
import type { ProviderCheckResource } from '../workflows/providers/contract.ts';
import type { OpenedProviders } from '../workflows/providers/open-providers.ts';
import { withProviders } from './with-providers.ts';

export interface ProvidersCheck {
  /** Absent: those of all accounts, and that of the installation. */
  readonly account?: string | undefined;
  /** `prv_…` or `default`. */
  readonly provider?: string | undefined;
}

/** What one line says of one provider. */
function lineOf(where: string, { ok, findings }: ProviderCheckResource): string {
  const found = findings.map(({ code, message }) => `${code}: ${message.replaceAll(/\s+/g, ' ')}`);
  return `${where}: ${ok ? 'ok' : found.join('; ')}\n`;
}

const whereOf = ({ accountId, id, kind, mode, name }: ProviderRecord): string =>
  `${accountId} ${id} ${kind} ${mode} ${JSON.stringify(name)}`;

async function checkInstalled({ desk, directory }: OpenedProviders): Promise<boolean> {
  const { installed } = directory;
  if (installed === undefined) return true;
  const { id, kind, mode } = installed;
  const checked = await desk.check({ accountId: 'installation', operator: '' }, id);
  process.stdout.write(lineOf(`installation ${id} ${kind} ${mode}`, checked));
  return checked.ok;
}

async function checkRecord({ desk }: OpenedProviders, record: ProviderRecord): Promise<boolean> {
  const checked = await desk.checkRecord(record);
  process.stdout.write(lineOf(whereOf(record), checked));
  return checked.ok;
}

/** Prints a line for each provider. Resolves with 1 when something is wrong with any of them. */
export async function runProvidersCheck({ account, provider }: ProvidersCheck): Promise<number> {
  return await withProviders(async (opened) => {
    const every = await opened.database.systemTransaction(listEveryProvider);
    const asked = every.filter(
      ({ accountId, id }) =>
        (account === undefined || accountId === account) && (provider === undefined || id === provider),
    );
    const installed =
      account === undefined && (provider === undefined || provider === opened.directory.installed?.id);
    if (provider !== undefined && asked.length === 0 && !(installed && opened.directory.installed)) {
      throw new HushtoneError('provider_not_found', 'not_found', `there is no provider ${provider}`);
    }
    let ok = installed ? await checkInstalled(opened) : true;
    for (const record of asked) {
      if (record.state === 'disabled' && provider === undefined) {
        process.stdout.write(`${whereOf(record)}: disabled, not checked\n`);
      } else if (!(await checkRecord(opened, record))) ok = false;
    }
    if (asked.length === 0 && opened.directory.installed === undefined) {
      process.stderr.write('there are no providers\n');
    }
    return ok ? 0 : 1;
  });
}
