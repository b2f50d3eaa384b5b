import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { expect, it } from 'vitest';
import { deadUrl, type Bench } from './bench.ts';
import type { ConformanceDouble, ConformanceSubject, RawRequest } from './subject.ts';

/** Checks, closing, and that the double itself is strict. */
export function describeLife<D extends ConformanceDouble>(
  subject: ConformanceSubject<D>,
  bench: () => Bench<D>,
): void {
  it('finds nothing wrong where nothing is, and moves nothing', async () => {
    const provider = await bench().connect();
    expect(await provider.check()).toEqual([]);
    expect(await bench().double.ledger()).toEqual([]);
  });

  it('finds that nobody listens', async () => {
    const provider = await bench().connect({ url: await deadUrl() });
    expect(await provider.check()).toMatchObject([{ code: 'unreachable' }]);
  });

  it('finds wrong credentials', async () => {
    const provider = await bench().connect({ wrongCredentials: true });
    expect(await provider.check()).toMatchObject([{ code: 'authentication_failed' }]);
  });

  it.each([...(subject.findings ?? [])])('finds $what', async ({ arrange, code }) => {
    await arrange(bench().double);
    const provider = await bench().connect();
    const findings = await provider.check();
    expect(findings).toMatchObject([{ code }]);
    for (const { message } of findings) {
      expect(subject.secrets.some((secret) => message.includes(secret))).toBe(false);
      expect(message).not.toMatch(/\n/);
    }
    expect(await bench().double.ledger()).toEqual([]);
  });

  it('waits for what is under way when it is closed, and takes nothing after', async () => {
    const provider = await bench().connect();
    const { purpose } = bench();
    await bench().double.setFaults([{ kind: 'hang' }]);
    const attempt = bench().failure(provider.pay(bench().request(purpose)));
    await bench().untilSeen('pay');
    let closed = false;
    const closing = provider.close().then(() => (closed = true));
    const later = bench().request(purpose);
    expect(await bench().failure(provider.pay(later))).toBe('unavailable');
    expect(closed).toBe(false);
    bench().clock.runOut();
    expect(await attempt).toBe('unknown_outcome');
    await closing;
    expect(await bench().failure(provider.pay(later))).toBe('unavailable');
    expect(await bench().double.ledger()).toEqual([]);
  });

  const { rawRequests } = subject;
  const isShownElsewhere = typeof rawRequests === 'string';
  it.each(isShownElsewhere ? [rawRequests] : [])('the double is shown to be strict in %s', (file) => {
    const shown = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
    expect(shown).toMatch(/\brefuse[ds]\b/);
  });

  it.each(isShownElsewhere ? [] : [{ rawRequests }])(
    'the double takes what is right and refuses what is not',
    async ({ rawRequests: requestsFor }) => {
      const { valid, broken, tls } = requestsFor(bench().double);
      for (const { what, ...request } of broken) {
        const status = await send(bench().double.url, request, tls);
        expect({ what, refused: status >= 400 && status < 500 }).toEqual({ what, refused: true });
        expect(await bench().double.ledger()).toEqual([]);
      }
      expect(await send(bench().double.url, valid, tls)).toBeLessThan(300);
    },
  );
}

/** Resolves to the status. */
function send(
  url: string,
  { method, path, headers, body }: RawRequest,
  tls: { readonly ca: string; readonly cert?: string; readonly key?: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    // No agent: a test must not be left with an idle connection.
    const options = { method, headers: { ...headers }, agent: false, ...tls };
    const request = httpsRequest(new URL(path, url), options, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    request.on('error', reject);
    request.end(body);
  });
}
