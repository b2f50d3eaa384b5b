import type { QueriedCall, QueriedTag } from './commands.ts';

/** Tells whether an address is one that FreeSWITCH sends RTP from. */
export type AddressMatcher = (address: string) => boolean;

/**
 * The participants of the agent leg whose media comes from FreeSWITCH: what they send is what the agent hears. One in
 * a sound call. Subscribers are left out: one may sit on FreeSWITCH's own host.
 */
export function agentBoundTags(call: QueriedCall, isFreeswitch: AddressMatcher): QueriedTag[] {
  return call.tags.filter(
    (tag) =>
      tag.tag !== '' &&
      tag.conversing &&
      tag.streams.some(({ address }) => address !== undefined && isFreeswitch(address)),
  );
}
