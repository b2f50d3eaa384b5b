import type { CheckFinding } from '../contract.ts';
import { readJsonObject } from '../transport/json.ts';
import { readCapabilities } from './answers.ts';
import { readRecipient } from './envelope-keys.ts';
import type { Transport, TransportAnswer } from '../transport/transport.ts';

/** Asks for the provider's capabilities and its envelope key: what is wrong, or nothing. Never rejects. */
export async function checkSandbox(transport: Transport): Promise<readonly CheckFinding[]> {
  const get = (path: string): Promise<TransportAnswer | undefined> =>
    transport.exchange({ method: 'GET', path }).catch(() => undefined);
  const capabilities = await get('/v1/capabilities');
  if (capabilities === undefined) {
    return [
      finding(
        'unreachable',
        'The provider does not answer at its address, or does not let this certificate in.',
      ),
    ];
  }
  if (capabilities.status === 401 || capabilities.status === 403) {
    return [finding('authentication_failed', 'The provider does not know the client certificate.')];
  }
  if (capabilities.status !== 200 || readCapabilities(capabilities) === undefined) {
    return [finding('configuration_refused', 'What answers at the address is no sandbox provider.')];
  }
  if (readJsonObject(capabilities.body)?.['mode'] !== 'test') {
    return [finding('wrong_mode', 'The provider does not say that it is a test provider.')];
  }
  const keys = await get('/v1/keys');
  const recipient = keys && (await readRecipient(keys).catch(() => undefined));
  return recipient === undefined
    ? [finding('encryption_key_unknown', 'The provider publishes no key to seal card details to.')]
    : [];
}

function finding(code: CheckFinding['code'], message: string): CheckFinding {
  return { code, message };
}
