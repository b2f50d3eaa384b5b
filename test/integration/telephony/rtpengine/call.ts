import { randomUUID } from 'node:crypto';
import { bencodeText } from '../../../../src/telephony/rtpengine/bencode.ts';
import type { NgClient } from '../../../../src/telephony/rtpengine/ng.ts';
import { RtpPeer } from './rtp-peer.ts';

export const FREESWITCH_ADDRESS = '127.0.2.40';
const AGENT_ADDRESS = '127.0.1.11';

/** The agent leg of a dial as the SBC sets it up in rtpengine: FreeSWITCH offers, the agent's phone answers. */
export interface AgentLeg {
  readonly callId: string;
  readonly freeswitchTag: string;
  readonly freeswitch: RtpPeer;
  readonly agent: RtpPeer;
  /** Offer and answer once more; with other tags when asked. */
  negotiate(tags?: { readonly freeswitch?: string; readonly agent?: string }): Promise<void>;
  /** What the SBC sends when the leg ends. */
  delete(): Promise<void>;
  close(): Promise<void>;
}

export async function agentLeg(ng: NgClient, freeswitchAddress = FREESWITCH_ADDRESS): Promise<AgentLeg> {
  const callId = randomUUID();
  const freeswitchTag = `fs-${randomUUID().slice(0, 8)}`;
  const agentTag = `agent-${randomUUID().slice(0, 8)}`;
  const freeswitch = await RtpPeer.open(freeswitchAddress, 0x11111111);
  const agent = await RtpPeer.open(AGENT_ADDRESS, 0x22222222);
  let version = 0;

  const negotiate: AgentLeg['negotiate'] = async (tags = {}) => {
    version += 1;
    const common = {
      'call-id': callId,
      'from-tag': tags.freeswitch ?? freeswitchTag,
      replace: ['origin', 'session-connection'],
      ICE: 'remove',
    };
    const offer = await ng.command({
      command: 'offer',
      ...common,
      direction: ['internal', 'external'],
      sdp: freeswitch.sdp(version),
    });
    agent.sendTo(bencodeText(offer.get('sdp')) ?? '');
    const answer = await ng.command({
      command: 'answer',
      ...common,
      'to-tag': tags.agent ?? agentTag,
      sdp: agent.sdp(version),
    });
    freeswitch.sendTo(bencodeText(answer.get('sdp')) ?? '');
  };
  await negotiate();
  return {
    callId,
    freeswitchTag,
    freeswitch,
    agent,
    negotiate,
    async delete() {
      await ng.command({ command: 'delete', 'call-id': callId, 'from-tag': freeswitchTag });
    },
    async close() {
      await Promise.all([freeswitch.close(), agent.close()]);
    },
  };
}
