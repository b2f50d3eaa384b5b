import type { Clock } from '../../kernel/clock.ts';
import type { EnvelopeObject } from '../envelope-plaintext.ts';
import { ProviderError } from '../errors.ts';
import type { ProviderDependencies } from '../kind.ts';
import { Transport, type TransportAnswer } from '../transport/transport.ts';
import type { JweConfiguration } from './configuration.ts';
import { sealedBody } from './requests.ts';
import { signatureHeaders } from './signing.ts';

/** Mutual TLS to the provider: what goes out is encrypted, and signed where the configuration has a key for it. */
export class Channel {
  readonly #configuration: JweConfiguration;
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(configuration: JweConfiguration, dependencies: ProviderDependencies) {
    const { url, ca, clientCert, clientKey, headers } = configuration;
    this.#configuration = configuration;
    this.#clock = dependencies.clock;
    this.#transport = new Transport({
      ...dependencies,
      url,
      ...(ca !== undefined && { ca }),
      clientCert,
      clientKey,
      credentials: headers,
    });
  }

  async post(path: string, plaintext: EnvelopeObject, idempotencyKey: string): Promise<TransportAnswer> {
    const now = this.#clock.now();
    const { contentType, body } = await sealedBody(plaintext, this.#configuration, now);
    const headers = { ...this.#ownHeaders(idempotencyKey), 'content-type': contentType };
    const signed = this.#signed('POST', path, headers, now, body);
    return await this.#transport.exchange({ method: 'POST', path, headers: { ...headers, ...signed }, body });
  }

  async get(path: string, idempotencyKey?: string): Promise<TransportAnswer> {
    const headers = idempotencyKey === undefined ? {} : this.#ownHeaders(idempotencyKey);
    return await this.#transport.exchange({
      method: 'GET',
      path,
      headers: { ...headers, ...this.#signed('GET', path, headers, this.#clock.now()) },
    });
  }

  close(): void {
    this.#transport.close();
  }

  #ownHeaders(idempotencyKey: string): Record<string, string> {
    return { [this.#configuration.idempotencyHeader]: idempotencyKey };
  }

  #signed(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    now: Date,
    body?: string,
  ): Record<string, string> {
    const { signature, headers: secrets } = this.#configuration;
    if (signature === undefined) return {};
    const all = Object.fromEntries(
      Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()] as const),
    );
    const url = this.#transport.addressOf(path);
    const unsigned = { method, url, headers: { ...all, ...headers } };
    try {
      return signatureHeaders(body === undefined ? unsigned : { ...unsigned, body }, signature, now);
    } catch (error) {
      // Nothing was sent.
      throw new ProviderError('invalid_request', 'the request cannot be signed', { cause: error });
    }
  }
}
