import type { EvidenceResource } from '../../src/workflows/contract.ts';
import { decodeWithMultimon, multimonInstalled } from '../audio/multimon.ts';
import { decodeWithOurDetector } from '../audio/our-detector.ts';
import type { Searched } from '../residue/search.ts';
import type { LedgerEntry } from '../sandbox-provider/ledger.ts';
import type { Stack } from '../stack/stack.ts';
import type { Scene } from './scene.ts';
import { searchEverywhere } from './search.ts';

/** What the provider is to have. */
export interface Expected {
  readonly cardNumber: string;
  readonly result: 'succeeded' | 'declined';
}

/** What was found out about a scene, for `judge`. */
export interface Findings {
  readonly expected: Expected;
  readonly keyed: number;
  /** On the agent's leg. `multimon` is absent when it is not installed. */
  readonly telephoneEvents: number;
  readonly decoded: { readonly ours: number; readonly multimon?: number };
  readonly ledger: readonly LedgerEntry[];
  readonly evidence: EvidenceResource;
  readonly searched: readonly Searched[];
}

interface Judged {
  readonly text: string;
  readonly good: boolean;
}

/** Asks every witness. */
export async function lookIntoIt(
  stack: Stack,
  scene: Scene,
  expected: Expected,
  ledger: readonly LedgerEntry[],
  output: string,
): Promise<Findings> {
  const { keyed, agent, stream, evidence } = scene;
  const { samples } = agent.heard;
  return {
    expected,
    keyed: keyed.length,
    telephoneEvents: agent.phone.telephoneEventsHeard().length,
    decoded: {
      ours: decodeWithOurDetector(samples).length,
      ...(multimonInstalled() && { multimon: (await decodeWithMultimon(samples)).length }),
    },
    ledger,
    evidence,
    searched: await searchEverywhere(stack, expected.cardNumber, [stream.raw()], [stack.directory, output]),
  };
}

/** Says in a table what came out, and whether it is what Hushtone promises. */
export function judge(findings: Findings): { text: string; good: boolean } {
  const judged = [
    ...agentLeg(findings),
    ledgerOf(findings),
    evidenceOf(findings),
    ...findings.searched.map(residueOf),
  ];
  const good = judged.every((each) => each.good);
  const lines = judged.map((each) => `  ${each.good ? 'ok ' : 'BAD'}  ${each.text}`);
  const heading = good
    ? 'the agent heard no digit, and none was left anywhere'
    : 'A PROMISE WAS NOT KEPT, see BAD below';
  return { good, text: `verdict: ${heading}\n${lines.join('\n')}` };
}

function agentLeg({ keyed, telephoneEvents, decoded }: Findings): Judged[] {
  const { ours, multimon } = decoded;
  return [
    { text: `keys that the caller pressed: ${keyed}`, good: keyed > 0 },
    { text: `telephone-event packets on the agent’s leg: ${telephoneEvents}`, good: telephoneEvents === 0 },
    { text: `digits that our detector decodes on the agent’s leg: ${ours}`, good: ours === 0 },
    multimon === undefined
      ? { text: 'multimon-ng, an independent decoder, is not installed and was not asked', good: true }
      : { text: `digits that multimon-ng decodes on the agent’s leg: ${multimon}`, good: multimon === 0 },
  ];
}

function ledgerOf({ ledger, expected }: Findings): Judged {
  const [entry] = ledger;
  if (entry === undefined) return { text: 'the provider was asked for nothing', good: false };
  const { purpose, amount, currency, cardNumber, result } = entry;
  const money = `${((amount ?? 0) / 100).toFixed(2)} ${currency ?? ''}`;
  const same = cardNumber === expected.cardNumber;
  const good = ledger.length === 1 && same && result === expected.result;
  const what = `${purpose} ${money} on •••• ${cardNumber.slice(-4)}: ${result}`;
  const number = same ? 'the number that was keyed' : 'NOT the number that was keyed';
  return { text: `the provider’s ledger: ${ledger.length} payment, ${what}; ${number}`, good };
}

function evidenceOf({ evidence }: Findings): Judged {
  const { proof, transport, ms_to_secured: secured, sentinel } = evidence;
  const heard =
    sentinel === undefined
      ? 'no sentinel on this bridge'
      : `the sentinel heard ${sentinel.digits_heard} digits in ${(sentinel.listened_ms / 1000).toFixed(1)} s`;
  const time = secured === undefined ? 'never secured' : `secured after ${Math.round(secured)} ms`;
  return {
    text: `the evidence record: proof ${proof}, transport ${transport}, ${time}, ${heard}`,
    good: secured !== undefined && (sentinel === undefined || sentinel.digits_heard === 0),
  };
}

function residueOf({ place, amount, found }: Searched): Judged {
  const outcome = found.length === 0 ? 'not found' : `FOUND ${found.join('; ')}`;
  return { text: `the card number in ${place} (${amount}): ${outcome}`, good: found.length === 0 };
}
