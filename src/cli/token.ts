import { parseArgs } from 'node:util';
import { DEFAULT_TOKEN_SECONDS, issueToken, LONGEST_TOKEN_SECONDS } from '../access/access-token.ts';
import { SCOPES } from '../access/principal.ts';
import { createKeyRing, readSigningKey } from '../access/signing-keys.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadTokenSettings } from '../config/load-config.ts';
import { systemClock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { ROLES } from '../kernel/roles.ts';

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

/** Undefined when the arguments are not those of the usage. */
function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        account: { type: 'string' },
        subject: { type: 'string', default: 'integrator' },
        client: { type: 'string' },
        role: { type: 'string', default: 'integrator' },
        scope: { type: 'string', default: SCOPES.join(' ') },
        ttl: { type: 'string', default: String(DEFAULT_TOKEN_SECONDS) },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch {
    return undefined;
  }
}

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
  const values = readOptions(args);
  if (values === undefined || values.help || values.account === undefined) {
    const asked = values?.help === true;
    process[asked ? 'stdout' : 'stderr'].write(USAGE);
    return asked ? 0 : 2;
  }
  const scopes = readWords('scope', values.scope, SCOPES);
  const roles = readWords('role', values.role, ROLES);
  const tokens = loadTokenSettings(readEnvironment());
  const token = await issueToken(
    { ...tokens, keys: createKeyRing(readSigningKey(tokens.signingKey.reveal())) },
    {
      accountId: values.account,
      subject: values.subject,
      clientId: values.client ?? values.subject,
      roles,
      scopes,
      lifetimeSeconds: Number(values.ttl),
    },
    systemClock,
  );
  process.stdout.write(`${token}\n`);
  return 0;
}
