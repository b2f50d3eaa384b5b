import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What happens to commands: `hold` keeps them until `heal`, `lose` drops them, `refuse` answers that the call is unknown. */
export type NgFault = 'hold' | 'lose' | 'refuse';

interface Rule {
  readonly fault: NgFault;
  /** Of these commands only; all when absent. */
  readonly commands: readonly string[] | undefined;
  readonly held: Buffer[];
}

/** The network between the gateway and rtpengine's control port. Media does not pass here. */
export interface NgRelay {
  /** For the gateway. */
  readonly url: string;
  /** Where rtpengine listens; nothing is passed on before. */
  connect(rtpengine: Address): void;
  /** From now on commands for this call meet the fault. */
  fault(callId: string, fault: NgFault, commands?: readonly string[]): void;
  /** Commands for this call pass again; those that were held are sent now. */
  heal(callId: string): void;
  /** How many commands for this call are being held. */
  held(callId: string): number;
  close(): Promise<void>;
}

export async function openNgRelay(): Promise<NgRelay> {
  const front = await bound();
  const back = await bound();
  const rules = new Map<string, Rule>();
  let rtpengine: Address | undefined;
  let gateway: RemoteInfo | undefined;
  const pass = (datagram: Buffer): void => {
    if (rtpengine !== undefined) back.send(datagram, rtpengine.port, rtpengine.host);
  };
  const answer = (datagram: Buffer): void => {
    if (gateway !== undefined) front.send(datagram, gateway.port, gateway.address);
  };
  front.on('message', (datagram, from) => {
    gateway = from;
    const rule = ruleFor(rules, datagram);
    if (rule === undefined) pass(datagram);
    else if (rule.fault === 'hold') rule.held.push(datagram);
    else if (rule.fault === 'refuse') answer(refusalOf(datagram));
  });
  back.on('message', answer);
  return {
    url: `udp://127.0.0.1:${front.address().port}`,
    connect: (address) => {
      rtpengine = address;
    },
    fault: (callId, fault, commands) => void rules.set(callId, { fault, commands, held: [] }),
    heal: (callId) => {
      const held = rules.get(callId)?.held ?? [];
      rules.delete(callId);
      for (const datagram of held) pass(datagram);
    },
    held: (callId) => rules.get(callId)?.held.length ?? 0,
    close: async () => {
      await Promise.all([closed(front), closed(back)]);
    },
  };
}

function ruleFor(rules: ReadonlyMap<string, Rule>, datagram: Buffer): Rule | undefined {
  for (const [callId, rule] of rules) {
    if (!datagram.includes(callId)) continue;
    const { commands } = rule;
    if (commands === undefined || commands.some((name) => datagram.includes(`${name.length}:${name}`)))
      return rule;
  }
  return undefined;
}

/** `cookie bencode`, as rtpengine answers for a call that it does not know. */
function refusalOf(datagram: Buffer): Buffer {
  const cookie = datagram.subarray(0, datagram.indexOf(' ')).toString();
  return Buffer.from(`${cookie} d6:result5:error12:error-reason15:Unknown call-IDe`);
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined); // rtpengine is stopped: as lost as on any network
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  const end = once(socket, 'close');
  socket.close();
  await end;
}
