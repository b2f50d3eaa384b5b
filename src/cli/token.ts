import { parseArgs } from 'node:util';
import {
  DEFAULT_TOKEN_SECONDS,
  issueToken,
  LONGEST_TOKEN_SECONDS,
  readSigningKey,
} from '../access/access-token.ts';
import { SCOPES } from '../access/principal.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadTokenSettings } from '../config/load-config.ts';
import { systemClock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';

const USAGE = `hushtone token --account ID [--subject NAME] [--client ID] [--scope "SCOPE …"] [--ttl SECONDS]
  --account   the account whose calls and captures the token reaches
  --subject   who acts; default: integrator
  --client    the client that the token is for; default: the subject
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

/** `hushtone token`: prints an RFC 9068 access token. */
export async function runToken(args: readonly string[]): Promise<number> {
  const values = readOptions(args);
  if (values === undefined || values.help || values.account === undefined) {
    const asked = values?.help === true;
    process[asked ? 'stdout' : 'stderr'].write(USAGE);
    return asked ? 0 : 2;
  }
  const scopes = values.scope.split(/\s+/).filter((scope) => scope !== '');
  const unknown = scopes.filter((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown.length > 0) {
    throw new HushtoneError(
      'scope_unknown',
      'invalid',
      `no such scope: ${unknown.join(', ')}; there are: ${SCOPES.join(' ')}`,
    );
  }
  const tokens = loadTokenSettings(readEnvironment());
  const token = await issueToken(
    { ...tokens, signingKey: readSigningKey(tokens.signingKey.reveal()) },
    {
      accountId: values.account,
      subject: values.subject,
      clientId: values.client ?? values.subject,
      scopes,
      lifetimeSeconds: Number(values.ttl),
    },
    systemClock,
  );
  process.stdout.write(`${token}\n`);
  return 0;
}
