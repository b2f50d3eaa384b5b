import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DtmfTransport, Phone } from '../jambonz/media/contract.ts';
import type { SimulatedCall } from '../jambonz/simulator.ts';
import type { Stack } from '../stack/stack.ts';

/** The longest run of keys that one request presses. */
const MOST_KEYS = 64;

/** Keeps the call up until the terminal's interrupt, or until the caller or the agent has hung up. */
export async function holdCall(stack: Stack, call: SimulatedCall, transport: DtmfTransport): Promise<void> {
  const phones = await servePhone(call, transport);
  try {
    process.stdout.write(instructions(stack, await stack.token(), phones.url));
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), call.whenEnded]);
  } finally {
    await phones.close();
  }
}

/** The caller's phone as a small loopback interface, so that a person can press its keys with curl. */
async function servePhone(
  call: SimulatedCall,
  transport: DtmfTransport,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    press(request, response, call.caller, transport).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function press(
  request: IncomingMessage,
  response: ServerResponse,
  phone: Phone,
  transport: DtmfTransport,
): Promise<void> {
  if (request.method === 'POST' && request.url === '/hangup') {
    phone.hangUp();
    response.end('the caller hung up\n');
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const keys = Buffer.concat(chunks).toString().trim();
  if (
    request.method !== 'POST' ||
    request.url !== '/keys' ||
    keys.length > MOST_KEYS ||
    !/^[0-9*#A-D]+$/.test(keys)
  ) {
    response.statusCode = 400;
    response.end(`POST /keys with up to ${MOST_KEYS} of 0-9 * # A-D, or POST /hangup\n`);
    return;
  }
  await phone.key(keys, { transport });
  response.end(`keyed ${keys.length} keys\n`);
}

/** Shell commands that can be pasted one after the other; a test runs them as they are. */
function instructions(stack: Stack, token: string, phoneUrl: string): string {
  const line = stack.lines[0];
  return `
The call is up and stays up; interrupt (Ctrl-C) to end it. In another terminal:

export TOKEN=${token}
export CA=${stack.pki.ca.certificate}
export API=${stack.apiUrl}

# the live calls
curl -s --cacert $CA -H "Authorization: Bearer $TOKEN" $API/v1/calls

# start a capture on the call that the agent is on, and remember its id
export CREATED=$(curl -s --cacert $CA -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -H "Idempotency-Key: $(openssl rand -hex 16)" $API/v1/captures \\
  -d '{"agent_id":"${line?.agentId ?? ''}","purpose":"charge","amount":{"value":4200,"currency":"EUR"}}')
export CAPTURE=$(echo "$CREATED" | grep -o 'cap_[0-9a-z]*'); echo "$CREATED"

# follow it from the background: its events come in between
curl -sN --cacert $CA -H "Authorization: Bearer $TOKEN" $API/v1/captures/$CAPTURE/events &

# once it is "collecting", press keys on the caller's phone: card number, expiry, security code
curl -s -d '4242424242424242#' ${phoneUrl}/keys
curl -s -d '1230' ${phoneUrl}/keys
curl -s -d '123' ${phoneUrl}/keys

# once it is "ready", charge it
curl -s -X POST --cacert $CA -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(openssl rand -hex 16)" \\
  $API/v1/captures/$CAPTURE/submit

# what shows that it was masked
curl -s --cacert $CA -H "Authorization: Bearer $TOKEN" $API/v1/captures/$CAPTURE/evidence

# the caller hangs up, and the demo ends
curl -s -X POST ${phoneUrl}/hangup
`;
}
