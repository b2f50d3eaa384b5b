import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeWav } from '../audio/wav.ts';
import { rtpengineInstalled } from '../rtpengine/daemon.ts';
import type { LedgerEntry } from '../sandbox-provider/ledger.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { captureOf, tellAgentPage } from './agent-page.ts';
import { tellEvidence } from './evidence-record.ts';
import { periodsOf, type Heard } from './hearing.ts';
import { holdCall } from './hold.ts';
import { readOptions, USAGE, type DemoOptions } from './options.ts';
import { connect, playScene, type Recorded, type Scene } from './scene.ts';
import { Timeline, type Party } from './timeline.ts';
import { judge, lookIntoIt } from './verdict.ts';

const OUTPUT = 'demo-output';
/** Stripe's published test numbers. */
const APPROVED = '4242424242424242';
const DECLINED = '4000000000000002';

/** The whole main job with a simulated telephone system. Returns the exit code: 1 for a promise that was not kept. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const installed = rtpengineInstalled();
  const options = readOptions(args, installed);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if ('problem' in options) {
    process.stderr.write(`${options.problem}\n\n${USAGE}`);
    return 2;
  }
  const why = installed ? '' : ' (rtpengine is not installed)';
  process.stdout.write(
    `Hushtone demo: bridge ${options.bridge}${why}, transport ${options.transport}\n\nstarting `,
  );
  const stack = await startStack({
    bridge: options.bridge,
    onProgress: (text) => process.stdout.write(`· ${text} `),
  });
  process.stdout.write('\n');
  try {
    return options.hold ? await hold(stack, options) : await run(stack, options);
  } finally {
    await stack.close();
  }
}

async function hold(stack: Stack, options: DemoOptions): Promise<number> {
  const { call } = await connect(stack);
  await holdCall(stack, call, options.transport);
  return 0;
}

async function run(stack: Stack, options: DemoOptions): Promise<number> {
  const timeline = new Timeline();
  const cardNumber = options.decline ? DECLINED : APPROVED;
  const scene = await playScene(stack, options.transport, cardNumber, timeline);
  const ledger = await stack.provider.admin.ledger();
  tell(scene, ledger, timeline);
  await leave(scene);
  process.stdout.write(`\n${timeline.render()}\n`);
  const expected = { cardNumber, result: options.decline ? 'declined' : 'succeeded' } as const;
  const findings = await lookIntoIt(stack, scene, expected, ledger, resolve(OUTPUT));
  const verdict = judge(findings);
  process.stdout.write(
    `\n${verdict.text}\n\nin ${OUTPUT}/: caller.wav and agent.wav, what each of them heard; `,
  );
  process.stdout.write('agent-events.ndjson, what the agent’s page was told\n');
  return verdict.good ? 0 : 1;
}

function tell(scene: Scene, ledger: readonly LedgerEntry[], timeline: Timeline): void {
  const { stream, evidence, connectedAtMs, caller, agent } = scene;
  tellAgentPage(stream.events, timeline);
  const [first] = stream.events;
  if (first !== undefined) tellEvidence(evidence, momentOf(captureOf(first).updated_at), timeline);
  for (const { at, purpose, amount, currency, result, declineCode } of ledger) {
    const money = `${((amount ?? 0) / 100).toFixed(2)} ${currency ?? ''}`;
    const text = `opens the sealed card and is asked to ${purpose} ${money}: ${declineCode ?? result}`;
    timeline.add(momentOf(at), 'provider', text);
  }
  tellHearing('agent', 'the caller', agent, connectedAtMs, timeline);
  tellHearing('caller', 'the agent', caller, connectedAtMs, timeline);
}

/** From a time of day to `performance.now()`, on the same machine. */
const momentOf = (iso: string): number => Date.parse(iso) - performance.timeOrigin;

/** From the recording of this party's phone. */
function tellHearing(
  party: Party,
  other: string,
  { heard }: Recorded,
  connectedAtMs: number,
  timeline: Timeline,
): void {
  const what: Record<Heard, string> = {
    speech: `hears ${other} speak`,
    line: `hears ${other}’s line; nobody speaks`,
    nothing: `hears nothing of ${other}`,
  };
  const periods = periodsOf(heard, connectedAtMs);
  for (const { heard: sound, fromMs, toMs } of periods) {
    const length = periods.length === 1 ? 'throughout' : `for ${((toMs - fromMs) / 1000).toFixed(2)} s`;
    timeline.add(fromMs, party, `${what[sound]} ${length}`);
  }
}

async function leave({ caller, agent, stream }: Scene): Promise<void> {
  await mkdir(OUTPUT, { recursive: true });
  writeWav(join(OUTPUT, 'caller.wav'), caller.heard.samples);
  writeWav(join(OUTPUT, 'agent.wav'), agent.heard.samples);
  const lines = stream.events.map(({ data }) => `${JSON.stringify(data)}\n`);
  await writeFile(join(OUTPUT, 'agent-events.ndjson'), lines.join(''));
}
