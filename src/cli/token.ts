import { DEFAULT_TOKEN_SECONDS, issueToken, LONGEST_TOKEN_SECONDS } from '../access/access-token.ts';
import { SCOPES } from '../access/principal.ts';
import { createKeyRing, readSigningKey } from '../access/signing-keys.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadTokenSettings } from '../config/load-config.ts';
import { systemClock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { ROLES } from '../kernel/roles.ts';
import { asksForHelp, explainUsage, MissingOption, parseOptions, type Options } from './subcommands.ts';

const USAGE = `hushtone token --account ID [--subject NAME] [--client ID] [--role "ROLE …"]
               [--scope "SCOPE …"] [--ttl SECONDS]
  --account   the account whose calls and captures the token reaches
  --subject   who acts; default: integrator
  --client    the client that the token is for; default: the subject
  --role      ${ROLES.join(' ')}; default: integrator
  --scope     ${SCOPES.join(' ')}; default: all
  --ttl       seconds until it runs out, up to ${LONGEST_TOKEN_SECONDS}; default ${DEFAULT_TOKEN_SECONDS}
Signs with TOKEN_SIGNING_KEY_FILE for TOKEN_ISSUER and TOKEN_AUDIENCE.
`;

const TEXT = { type: 'string' } as const;
const OPTIONS = { account: TEXT, subject: TEXT, client: TEXT, role: TEXT, scope: TEXT, ttl: TEXT };

/** The words of a list, each one of `known`. Throws `scope_unknown` or `role_unknown`. */
function readWords<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const match = known.find((candidate) => candidate === word);
      if (match !== undefined) return match;
      const choice = known.join(' ');
      throw new HushtoneError(`${name}_unknown`, 'invalid', `no such ${name}: ${word}; there are: ${choice}`);
    });
}

/** `hushtone token`: prints an RFC 9068 access token. */
export async function runToken(args: readonly string[]): Promise<number> {
  if (asksForHelp(args)) {
    process.stdout.write(USAGE);
    return 0;
  }
  return await explainUsage(USAGE, async () => {
    process.stdout.write(`${await makeToken(parseOptions({ options: OPTIONS }, args))}\n`);
    return 0;
  });
}

async function makeToken(options: Options): Promise<string> {
  const accountId = options.text('account');
  if (accountId === undefined) throw new MissingOption('account');
  const subject = options.text('subject') ?? 'integrator';
  const lifetimeSeconds = Number(options.text('ttl') ?? DEFAULT_TOKEN_SECONDS);
  const scopes = readWords('scope', options.text('scope') ?? SCOPES.join(' '), SCOPES);
  const roles = readWords('role', options.text('role') ?? 'integrator', ROLES);
  const tokens = loadTokenSettings(readEnvironment());
  return await issueToken(
    { ...tokens, keys: createKeyRing(readSigningKey(tokens.signingKey.reveal())) },
    {
      accountId,
      subject,
      clientId: options.text('client') ?? subject,
      roles,
      scopes,
      lifetimeSeconds,
    },
    systemClock,
  );
}
