import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { Secret } from '../../../../src/secrets/secret.ts';
import type {
  Bridge,
  CallJournal,
  CallRecord,
  CallSnapshot,
  LockRecord,
  Mask,
  MaskConfirmation,
  MaskingFailure,
  MaskingListener,
  Route,
} from '../../../../src/telephony/contract.ts';
import { startTelephony } from '../../../../src/telephony/jambonz/server.ts';
import type { TelephonyOptions, TelephonyServer } from '../../../../src/telephony/jambonz/server.ts';
import { Inbox, PASSWORD, USERNAME } from './scripted-jambonz.ts';

export const ROUTE: Route = {
  accountId: 'acc_1',
  agentId: 'agent_1',
  target: { type: 'phone', number: '2000', trunk: 'agents' },
};

export class MemoryJournal implements CallJournal {
  readonly records: CallRecord[] = [];
  failing = false;

  save(record: CallRecord): Promise<void> {
    if (this.failing) return Promise.reject(new Error('no database'));
    this.records.push(record);
    return Promise.resolve();
  }

  findBySid(callSid: string): Promise<CallRecord | undefined> {
    return Promise.resolve(this.records.findLast((record) => record.callSid === callSid));
  }
}

/** Does what it is told and writes down that it was told. */
export class WritingMask implements Mask {
  readonly calls: string[] = [];
  readonly #agentLegCallId: () => string | undefined;
  failing: Error | undefined;

  constructor(agentLegCallId: () => string | undefined) {
    this.#agentLegCallId = agentLegCallId;
  }

  close(): Promise<MaskConfirmation> {
    return this.#did('close');
  }

  openGuard(): Promise<MaskConfirmation> {
    return this.#did('openGuard');
  }

  closeGuard(): Promise<MaskConfirmation> {
    return this.#did('closeGuard');
  }

  open(): Promise<MaskConfirmation> {
    return this.#did('open');
  }

  verify(): Promise<MaskConfirmation> {
    return this.#did('verify');
  }

  record(captureId: string): Promise<LockRecord> {
    const agentLegCallId = this.#agentLegCallId();
    if (agentLegCallId === undefined) return Promise.reject(new Error('no agent leg'));
    return Promise.resolve({ captureId, bridge: 'dial', agentLegCallId, tag: 'freeswitch-tag' });
  }

  #did(what: string): Promise<MaskConfirmation> {
    this.calls.push(what);
    return this.failing === undefined
      ? Promise.resolve({ detail: `${what} ok` })
      : Promise.reject(this.failing);
  }
}

/** Everything that a masking told. */
export class WritingListener implements MaskingListener {
  readonly told = new Inbox<string>();

  key(key: number): void {
    this.told.put(`key ${key}`);
  }

  interrupted(reason: string): void {
    this.told.put(`interrupted ${reason}`);
  }

  restored(): void {
    this.told.put('restored');
  }

  failed(failure: MaskingFailure): void {
    this.told.put(`failed ${failure}`);
  }

  callEnded(end: string): void {
    this.told.put(`ended ${end}`);
  }
}

export interface World {
  readonly telephony: TelephonyServer;
  readonly journal: MemoryJournal;
  readonly changes: Inbox<CallSnapshot>;
  readonly adopted: Inbox<CallSnapshot>;
  readonly masks: WritingMask[];
}

export async function startWorld(
  bridge: Bridge,
  overrides: Partial<TelephonyOptions> & { readonly journal?: MemoryJournal } = {},
): Promise<World> {
  const journal = overrides.journal ?? new MemoryJournal();
  const changes = new Inbox<CallSnapshot>();
  const adopted = new Inbox<CallSnapshot>();
  const masks: WritingMask[] = [];
  const telephony = await startTelephony({
    host: '127.0.0.1',
    port: 0,
    username: USERNAME,
    password: new Secret(PASSWORD),
    bridge,
    agentTimeoutSeconds: 20,
    router: (to) => (to === '15083084809' ? ROUTE : undefined),
    observer: {
      adopted: (call) => Promise.resolve(adopted.put(call)),
      changed: (call) => changes.put(call),
    },
    dialMask: (leg) => {
      const mask = new WritingMask(() => leg.agentLegCallId());
      masks.push(mask);
      return mask;
    },
    logger: silentLogger,
    clock: systemClock,
    ...overrides,
    journal,
  });
  return { telephony, journal, changes, adopted, masks };
}
