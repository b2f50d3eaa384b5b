import { randomBytes } from 'node:crypto';
import type { CheckFinding } from '../contract.ts';
import { TransportError, type TransportAnswer } from '../transport/transport.ts';
import { openAnswer, saysNeverSeen } from './answers.ts';
import type { Channel } from './channel.ts';
import type { JweConfiguration } from './configuration.ts';
import { pathOf } from './requests.ts';

/**
 * Asks at the path for that, or looks up a key that nobody has used, or, where there is neither, at the address alone.
 * Never rejects.
 */
export async function checkJwe(
  channel: Channel,
  configuration: JweConfiguration,
): Promise<readonly CheckFinding[]> {
  const { paths, answers, url } = configuration;
  const idempotencyKey = `check-${randomBytes(16).toString('hex')}`;
  const asks = paths.check ?? paths.lookup;
  let answer: TransportAnswer;
  try {
    answer = await channel.get(
      asks === undefined ? '' : pathOf(asks, { idempotencyKey, providerReference: idempotencyKey }),
      idempotencyKey,
    );
  } catch (error) {
    return [
      isRefusedCertificate(error)
        ? finding(
            'authentication_failed',
            `${url.host} closed the connection after the handshake: it does not take the client certificate.`,
          )
        : finding(
            'unreachable',
            `${url.host} does not answer, or its certificate is not one of the configured authority.`,
          ),
    ];
  }
  if (answer.status === 401 || answer.status === 403) {
    return [
      finding(
        'authentication_failed',
        `${url.host} refuses the client certificate, the signature or a header: check the keys and their names.`,
      ),
    ];
  }
  if (asks === undefined || answer.status === 200 || answer.status === 204) return [];
  const object = await openAnswer(answer, answers);
  if (paths.check === undefined && saysNeverSeen(answer.status, object, answers)) return [];
  return [
    finding(
      'configuration_refused',
      `${url.host} answered ${answer.status} where it should know nothing wrong: check the paths and how answers are protected.`,
    ),
  ];
}

/**
 * With TLS 1.3 a client learns only after the handshake that its certificate was refused (RFC 8446 section 4.4.2.4):
 * by an alert, or by a connection that is closed.
 */
function isRefusedCertificate(error: unknown): boolean {
  return error instanceof TransportError && error.mayHaveArrived && error.cause !== undefined;
}

function finding(code: CheckFinding['code'], message: string): CheckFinding {
  return { code, message };
}
