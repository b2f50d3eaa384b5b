import { parseArgs, type ParseArgsConfig } from 'node:util';
import { KEY_PURPOSES } from '../vault/contract.ts';
import { createSigningKey } from './keys-signing.ts';
import {
  changeKey,
  changePassphrase,
  DEFAULT_BATCH,
  generateKeys,
  listKeys,
  prepareKey,
  printKeys,
  readPurpose,
  rotateKey,
  splitKeys,
} from './keys-vault.ts';

const USAGE = `hushtone keys COMMAND
Keys of the vault (settings: KEY_PROVIDER and what it needs):
  generate [PURPOSE]…            an active key for every purpose that has none
  list                           every key that there ever was, and what is stored under it
  rotate PURPOSE [--batch N]     a new active key; then moves what is under earlier ones, N records at a time (${DEFAULT_BATCH})
  rotate PURPOSE --resume        goes on moving after a rotation was stopped
  retire KEY                     an earlier key serves nothing more; refused while anything is stored under it
  reinstate KEY                  a retired key opens again
  destroy KEY --yes              destroys the bytes of a retired key for good
  prepare PURPOSE                makes the key that the next rotation will take, and nothing else
  split --threshold M --shares N --out FOLDER
                                 from now on M of N shares open the key file, and nothing else does
  passphrase --new FILE          from now on the passphrase in FILE opens the key file, and nothing else does
  print [PURPOSE]…               new keys for VAULT_KEYS, to standard output
Purposes: ${KEY_PURPOSES.join(' ')}

The key that signs access tokens:
  create-signing  [--out FILE]   an Ed25519 key pair for TOKEN_SIGNING_KEY_FILE: to a new file that only its owner
                                 can read, or to standard output
To change it without a gap:
  1. name the new file in TOKEN_PREVIOUS_KEY_FILES of every instance, and restart them
  2. exchange the two: the new one in TOKEN_SIGNING_KEY_FILE, the old one in TOKEN_PREVIOUS_KEY_FILES, and restart
  3. when the last token of the old one has run out, take it out of TOKEN_PREVIOUS_KEY_FILES
`;

/** What was typed does not fit the usage. */
class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

interface Given {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

interface Command {
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** How many words follow the command: a number, or any. */
  readonly words: 0 | 1 | 'any';
  /** What it did, as JSON on standard output; nothing when it has written by itself. */
  run(given: Given): Promise<unknown>;
}

function text({ values }: Given, name: string): string {
  const value = values[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new UsageError(`--${name} is missing`);
}

function count(given: Given, name: string, otherwise?: number): number {
  if (given.values[name] === undefined && otherwise !== undefined) return otherwise;
  const value = text(given, name);
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new UsageError(`--${name} is no whole number from 1 to 999999`);
}

const first = ({ positionals }: Given): string => positionals[0] ?? '';
const STRING = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  generate: {
    words: 'any',
    run: async ({ positionals }) => await generateKeys(positionals.map(readPurpose)),
  },
  list: { words: 0, run: async () => await listKeys() },
  rotate: {
    words: 1,
    options: { resume: FLAG, batch: STRING },
    run: async (given) =>
      await rotateKey(readPurpose(first(given)), {
        resume: given.values['resume'] === true,
        batch: count(given, 'batch', DEFAULT_BATCH),
      }),
  },
  retire: { words: 1, run: async (given) => await changeKey('retire', first(given)) },
  reinstate: { words: 1, run: async (given) => await changeKey('reinstate', first(given)) },
  destroy: {
    words: 1,
    options: { yes: FLAG },
    run: async (given) => {
      if (given.values['yes'] !== true)
        throw new UsageError('nothing brings a destroyed key back: say --yes');
      return await changeKey('destroy', first(given));
    },
  },
  prepare: { words: 1, run: async (given) => await prepareKey(readPurpose(first(given))) },
  split: {
    words: 0,
    options: { threshold: STRING, shares: STRING, out: STRING },
    run: async (given) =>
      await splitKeys(count(given, 'threshold'), count(given, 'shares'), text(given, 'out')),
  },
  passphrase: {
    words: 0,
    options: { new: STRING },
    run: async (given) => await changePassphrase(text(given, 'new')),
  },
  print: {
    words: 'any',
    run: ({ positionals }) => {
      process.stdout.write(`${printKeys(positionals.map(readPurpose))}\n`);
      return Promise.resolve(undefined);
    },
  },
  'create-signing': {
    words: 0,
    options: { out: STRING },
    run: async (given) =>
      await createSigningKey(given.values['out'] === undefined ? undefined : text(given, 'out')),
  },
};

function parse(command: Command, args: readonly string[]): Given {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      options: command.options ?? {},
      allowPositionals: true,
    });
    const fits = command.words === 'any' || positionals.length === command.words;
    if (!fits) throw new UsageError(`${positionals.length} words were given, and ${command.words} is right`);
    return { positionals, values: values as Given['values'] };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : 'the options are not right');
  }
}

/** `hushtone keys`: what was done is JSON on standard output, progress and mistakes go to standard error. */
export async function runKeys(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  if (args.some((arg) => ['--help', '-h', 'help'].includes(arg))) {
    process.stdout.write(USAGE);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  try {
    if (command === undefined)
      throw new UsageError(name === '' ? 'no command' : `there is no command ${name}`);
    const result = await command.run(parse(command, rest));
    if (result !== undefined) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n${USAGE}`);
    return 2;
  }
}
