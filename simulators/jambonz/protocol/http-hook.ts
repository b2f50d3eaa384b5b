import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { NO_SPAN } from './call-info.ts';
import type { JsonObject } from './json.ts';

export interface HttpHook {
  readonly url: string;
  /** jambonz authenticates itself only when the hook carries both. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** POSTs JSON and reads the answer. Rejects on any status but 2xx and when nothing comes for 5 s. */
export async function postHook(
  hook: HttpHook,
  body: JsonObject,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  const url = new URL(hook.url);
  const secure = url.protocol === 'https:';
  const text = JSON.stringify(body);
  const answer = await new Promise<string>((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      {
        method: 'POST',
        agent: false,
        timeout: TIMEOUT_MS,
        signal,
        ...(secure && ca !== undefined && { ca }),
        ...(hook.username !== undefined &&
          hook.password !== undefined && { auth: `${hook.username}:${hook.password}` }),
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'user-agent': 'jambonz',
          'content-length': Buffer.byteLength(text),
          b3: NO_SPAN,
        },
      },
      (response) => {
        let received = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          received += chunk;
          if (received.length > MAX_ANSWER_BYTES) response.destroy(new Error('answer too long'));
        });
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(received);
          else reject(new Error(`hook answered ${status}`));
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('hook timed out')));
    request.on('error', reject);
    request.end(text);
  });
  return answer === '' ? undefined : (JSON.parse(answer) as unknown);
}
