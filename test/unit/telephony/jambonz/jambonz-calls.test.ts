import { expect, it } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type {
  CallSnapshot,
  LockRecord,
  Mask,
  MaskConfirmation,
  MaskingListener,
} from '../../../../src/telephony/contract.ts';
import { CallRegistry } from '../../../../src/telephony/jambonz/call-registry.ts';
import { JambonzCalls } from '../../../../src/telephony/jambonz/jambonz-calls.ts';
import { ListenPaths } from '../../../../src/telephony/jambonz/listen-paths.ts';
import { LiveCall } from '../../../../src/telephony/jambonz/live-call.ts';
import { ManualClock } from '../rtpengine/manual-clock.ts';
import { MemoryJournal } from './telephony-world.ts';

const LISTENER: MaskingListener = {
  key: () => {},
  interrupted: () => {},
  restored: () => {},
  failed: () => {},
  callEnded: () => {},
};
const OPTIONS = { captureId: 'cap_1', guardPolicy: 'until_proven', confirmWithinMs: 500 } as const;

/** A connected call whose caller is never heard, and an engine that opens when it is told to. */
class RefusingWorld {
  readonly clock = new ManualClock();
  readonly did: string[] = [];
  readonly calls: JambonzCalls;
  #masks = 0;
  readonly #openings: (() => void)[] = [];

  constructor() {
    const { clock } = this;
    const snapshot: CallSnapshot = {
      callId: 'call_1',
      accountId: 'acc_1',
      state: 'connected',
      bridge: 'dial',
      from: '15550100',
      to: '15550101',
      agentId: 'agent_1',
      transport: 'unknown',
      masked: false,
      startedAt: clock.now(),
    };
    const registry = new CallRegistry(clock);
    registry.add(
      new LiveCall({
        record: { snapshot, callSid: 'sid_1', agentCallSid: 'sid_2', agentLegCallId: 'agent-leg' },
        route: undefined,
        recordedByJambonz: false,
        journal: new MemoryJournal(),
        observer: { adopted: () => Promise.resolve(), changed: () => {} },
        now: () => clock.now(),
        logger: silentLogger,
      }),
    );
    this.calls = new JambonzCalls(registry, {
      listening: {
        paths: new ListenPaths(clock),
        clock,
        listenUrl: () => 'ws://localhost',
        wsAuth: () => ({ username: 'u', password: 'p' }),
        refused: () => {},
      },
      clock,
      logger: silentLogger,
      dialMask: () => this.#mask(),
    });
  }

  secure(captureId: string): Promise<unknown> {
    return this.calls.secure('call_1', { ...OPTIONS, captureId }, LISTENER).catch((error: unknown) => error);
  }

  /** The engine opens what it was asked to open first. */
  opens(): void {
    this.#openings.shift()?.();
  }

  #mask(): Mask {
    this.#masks += 1;
    const of = this.#masks;
    const did = (what: string): Promise<MaskConfirmation> => {
      this.did.push(`${what} ${of}`);
      return Promise.resolve({ detail: what });
    };
    return {
      close: () => did('close'),
      openGuard: () => did('openGuard'),
      closeGuard: () => did('closeGuard'),
      verify: () => did('verify'),
      record: (captureId): Promise<LockRecord> =>
        Promise.resolve({ captureId, bridge: 'dial', agentLegCallId: 'agent-leg', tag: 'tag' }),
      open: async () => {
        await did('open');
        await new Promise<void>((resolve) => this.#openings.push(resolve));
        return await did('opened');
      },
    };
  }
}

it('a capture waits until the one that was refused before it opens nothing any more', async () => {
  const world = new RefusingWorld();
  const first = world.secure('cap_1');
  await world.clock.advance(0);
  await world.clock.advance(500);
  expect(world.did).toEqual(['close 1', 'open 1']);
  await world.clock.advance(1000); // the refusal waits no longer for its undoing
  expect(await first).toMatchObject({ code: 'masking_unavailable' });

  const second = world.secure('cap_2');
  await world.clock.advance(0);
  expect(world.did).toEqual(['close 1', 'open 1']);
  world.opens();
  await world.clock.advance(0);
  expect(world.did).toEqual(['close 1', 'open 1', 'opened 1', 'close 2']);
  await world.clock.advance(500);
  world.opens();
  expect(await second).toMatchObject({ code: 'masking_unavailable' });
});
