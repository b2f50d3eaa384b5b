import type { Clock } from '../../kernel/clock.ts';
import type { EnvelopeObject } from '../envelope-plaintext.ts';
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

  constructor(configuration: JweConfiguration, { clock, timeoutMs, allowAddress }: ProviderDependencies) {
    const { url, ca, clientCert, clientKey, headers } = configuration;
    this.#configuration = configuration;
    this.#clock = clock;
    this.#transport = new Transport({
      url,
      ...(ca !== undefined && { ca }),
      clientCert,
      clientKey,
      credentials: headers,
      timeoutMs,
      clock,
      ...(allowAddress !== undefined && { allowAddress }),
    });
  }

  async post(path: string, plaintext: EnvelopeObject, idempotencyKey: string): Promise<TransportAnswer> {
    const now = this.#clock.now();
    const { contentType, body } = await sealedBody(plaintext, this.#configuration, now);
    const headers = { ...this.#ownHeaders(idempotencyKey), 'content-type': contentType };
    return await this.#transport.exchange({
      method: 'POST',
      path,
      headers: { ...headers, ...this.#signed('POST', path, headers, now, body) },
      body,
    });
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
    const { signature, url, headers: secrets } = this.#configuration;
    if (signature === undefined) return {};
    const all = Object.fromEntries(
      Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()] as const),
    );
    const address = new URL(`${url.origin}${url.pathname.replace(/\/$/, '')}${path}`);
    const unsigned = { method, url: address, headers: { ...all, ...headers } };
    return signatureHeaders(body === undefined ? unsigned : { ...unsigned, body }, signature, now);
  }
}
