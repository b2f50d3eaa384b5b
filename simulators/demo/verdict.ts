import type { LedgerEntry } from '../sandbox-provider/ledger.ts';
import { decodeWithMultimon, multimonInstalled } from '../audio/multimon.ts';
import { decodeWithOurDetector } from '../audio/our-detector.ts';
import type { KeyedKey, Phone } from '../jambonz/media/contract.ts';
import type { EventStreamHandle } from '../stack/api-client.ts';
import type { Stack } from '../stack/stack.ts';
import type { DemoOptions } from './options.ts';
import { searchEverywhere } from './search.ts';

export interface Trial {
  readonly stack: Stack;
  readonly options: DemoOptions;
  readonly cardNumber: string;
  readonly keyed: readonly KeyedKey[];
  readonly agent: Phone;
  readonly heard: { readonly samples: Int16Array };
  readonly stream: EventStreamHandle;
  readonly evidence: unknown;
  readonly output: string;
}

interface Finding {
  readonly text: string;
  readonly good: boolean;
}

interface Evidence {
  readonly proof: string;
  readonly transport: string;
  readonly ms_to_secured?: number;
  readonly sentinel?: { readonly digits_heard: number };
}

/** Says in a table what came out, and whether it is what Hushtone promises. */
export async function judge(trial: Trial): Promise<{ text: string; good: boolean }> {
  const findings = [
    ...(await agentLeg(trial)),
    await ledger(trial),
    evidenceOf(trial),
    ...(await residue(trial)),
  ];
  const good = findings.every((finding) => finding.good);
  const lines = findings.map((finding) => `  ${finding.good ? 'ok  ' : 'BAD '} ${finding.text}`);
  return {
    good,
    text: `verdict: ${good ? 'the agent heard no digit' : 'BROKEN PROMISE'}\n${lines.join('\n')}`,
  };
}

async function agentLeg({ keyed, agent, heard }: Trial): Promise<Finding[]> {
  const events = agent.telephoneEventsHeard().length;
  const ours = decodeWithOurDetector(heard.samples).length;
  const findings = [
    { text: `digits keyed by the caller: ${keyed.length}`, good: keyed.length > 0 },
    { text: `telephone-event packets on the agent leg: ${events}`, good: events === 0 },
    { text: `digits that our detector decodes on the agent leg: ${ours}`, good: ours === 0 },
  ];
  if (!multimonInstalled()) {
    return [...findings, { text: 'multimon-ng is not installed, so it could not be asked', good: true }];
  }
  const theirs = (await decodeWithMultimon(heard.samples)).length;
  return [
    ...findings,
    { text: `digits that multimon-ng decodes on the agent leg: ${theirs}`, good: theirs === 0 },
  ];
}

async function ledger({ stack, options, cardNumber }: Trial): Promise<Finding> {
  const entries = await stack.provider.admin.ledger();
  const [entry] = entries as LedgerEntry[];
  const expected = options.decline ? 'declined' : 'succeeded';
  const good = entries.length === 1 && entry?.cardNumber === cardNumber && entry.result === expected;
  const what = entry
    ? `${entry.purpose} ${((entry.amount ?? 0) / 100).toFixed(2)} ${entry.currency ?? ''} on •••• ${entry.cardNumber.slice(-4)}: ${entry.result}`
    : 'nothing';
  const same =
    entry?.cardNumber === cardNumber ? 'the number that was keyed' : 'NOT the number that was keyed';
  return { text: `the provider's ledger: ${entries.length} entry, ${what}; ${same}`, good };
}

function evidenceOf({ evidence }: Trial): Finding {
  const { proof, transport, ms_to_secured: secured, sentinel } = evidence as Evidence;
  const heard = sentinel === undefined ? '' : `, the sentinel heard ${sentinel.digits_heard} digits`;
  return {
    text: `evidence: ${proof}, transport ${transport}, secured after ${secured ?? '?'} ms${heard}`,
    good: secured !== undefined && (sentinel === undefined || sentinel.digits_heard === 0),
  };
}

async function residue({ stack, cardNumber, stream, output }: Trial): Promise<Finding[]> {
  const searched = await searchEverywhere(stack, cardNumber, [stream.raw()], [stack.directory, output]);
  return searched.map(({ place, amount, found }) => ({
    text: `the card number in ${place} (${amount}): ${found.length === 0 ? 'not found' : `FOUND: ${found.join('; ')}`}`,
    good: found.length === 0,
  }));
}
