import type { Account } from '../access/account-store.ts';
import { withRegistry } from './registry.ts';
import { runSubcommand, type Subcommand } from './subcommands.ts';

const USAGE = `hushtone accounts COMMAND
  create        --account ID [--network CIDR]…   make an account
  list                                           all accounts
  set-networks  --account ID --network CIDR… | --any
                                                 where its clients may come from
A network is an address or a block: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32.
`;

const shown = ({ id, networks, createdAt }: Account) => ({
  account_id: id,
  networks,
  created_at: createdAt.toISOString(),
});

const OPTIONS = { account: { type: 'string' }, network: { type: 'string', multiple: true } } as const;

const COMMANDS: Record<string, Subcommand> = {
  create: {
    options: OPTIONS,
    run: async (options) => {
      const account = options.required('account');
      return await withRegistry(async (registry) =>
        shown(await registry.createAccount(account, options.words('network'))),
      );
    },
  },
  list: {
    options: {},
    run: async () =>
      await withRegistry(async (registry) => ({ accounts: (await registry.listAccounts()).map(shown) })),
  },
  'set-networks': {
    options: { ...OPTIONS, any: { type: 'boolean' } },
    run: async (options) => {
      const account = options.required('account');
      const networks = options.wordsOrAny('network');
      return await withRegistry(async (registry) =>
        shown(await registry.setAccountNetworks(account, networks)),
      );
    },
  },
};

/** `hushtone accounts`: prints what it did, or what there is, as JSON. */
export async function runAccounts(args: readonly string[]): Promise<number> {
  return await runSubcommand(USAGE, COMMANDS, args);
}
