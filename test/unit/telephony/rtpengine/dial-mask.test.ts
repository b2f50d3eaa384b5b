import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { LockRecord } from '../../../../src/telephony/contract.ts';
import { createDialMask, type DialMask } from '../../../../src/telephony/rtpengine/dial-mask.ts';
import { FakeEngine } from './fake-engine.ts';
import { settled } from './manual-clock.ts';

const FREESWITCH = '127.0.2.40';
const AGENT = '127.0.1.11';

function setUp(options: { record?: LockRecord } = {}): {
  engine: FakeEngine;
  mask: DialMask;
  leg: { callId: string | undefined };
} {
  const engine = new FakeEngine();
  engine.addCall('leg-1', { fs: { address: FREESWITCH }, agent: { address: AGENT } });
  const leg: { callId: string | undefined } = { callId: 'leg-1' };
  const mask = createDialMask({
    ng: engine,
    agentLegCallId: () => leg.callId,
    freeswitchAddresses: (address) => address === FREESWITCH,
    logger: silentLogger,
    ...options,
  });
  return { engine, mask, leg };
}

const closed = { blocked: true, silenced: true };
const opened = { blocked: false, silenced: false };

describe('closing', () => {
  test("blocks and silences FreeSWITCH's stream alone, then asks whether it stands", async () => {
    const { engine, mask } = setUp();
    await expect(mask.close()).resolves.toEqual({
      detail: 'block DTMF ok, silence media ok, query: call and tag stand',
    });
    expect(engine.commands()).toEqual(['query', 'block DTMF', 'silence media', 'query']);
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
    expect(engine.tag('leg-1', 'agent')).toEqual({ address: AGENT });
  });

  test('without a leg, a stream or an answer it is masking_unavailable, and the cause is kept', async () => {
    const { engine, mask, leg } = setUp();
    leg.callId = undefined;
    await expect(mask.close()).rejects.toMatchObject({ code: 'masking_unavailable' });
    expect(engine.sent).toEqual([]);
    leg.callId = 'other';
    await expect(mask.close()).rejects.toMatchObject({
      code: 'masking_unavailable',
      cause: { code: 'rtpengine_unknown_call' },
    });
    leg.callId = 'leg-1';
    engine.answers = false;
    await expect(mask.close()).rejects.toMatchObject({
      code: 'masking_unavailable',
      cause: { code: 'rtpengine_unreachable' },
    });
  });

  test('none or two streams of FreeSWITCH: nothing is masked and the error counts them', async () => {
    const { engine, mask } = setUp();
    engine.addCall('leg-1', { fs: {}, agent: { address: AGENT } });
    await expect(mask.close()).rejects.toThrow(/no stream of the agent leg/);
    engine.addCall('leg-1', { fs: { address: FREESWITCH }, two: { address: FREESWITCH } });
    await expect(mask.close()).rejects.toThrow(/2 streams of the agent leg/);
    expect(engine.commands()).not.toContain('block DTMF');
  });

  test('an ended subscription on the address of FreeSWITCH is not taken for the stream', async () => {
    const { engine, mask } = setUp();
    engine.addCall('leg-1', { fs: { address: FREESWITCH }, sentinel: { address: FREESWITCH, alone: true } });
    await mask.close();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
    expect(engine.tag('leg-1', 'sentinel').blocked).toBeUndefined();
  });

  test('a stream that is born anew while it is masked is not confirmed', async () => {
    const { engine, mask } = setUp();
    let open = (): void => undefined;
    engine.gate = new Promise((resolve) => {
      open = resolve;
    });
    const closing = mask.close();
    const original = engine.command.bind(engine);
    engine.command = async (message) => {
      const reply = await original(message);
      if (message.command === 'silence media') engine.addCall('leg-1', { fs: { address: FREESWITCH } }, 2);
      return reply;
    };
    open();
    await expect(closing).rejects.toMatchObject({ code: 'masking_unavailable' });
  });

  test('a tag with any bytes goes back as it came', async () => {
    const { engine, mask } = setUp();
    engine.addCall('leg-1', { 't\u00e9\u00ff': { address: FREESWITCH } });
    await mask.close();
    expect(engine.tag('leg-1', 't\u00e9\u00ff')).toMatchObject(closed);
  });
});

describe('guard and opening', () => {
  test('the guard alone leaves the block, open takes both off with the same tag', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    await expect(mask.openGuard()).resolves.toEqual({ detail: 'unsilence media ok' });
    expect(engine.tag('leg-1', 'fs')).toMatchObject({ blocked: true, silenced: false });
    await expect(mask.closeGuard()).resolves.toEqual({ detail: 'silence media ok' });
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
    await mask.open();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(opened);
    // First what the agent may hear again, then the events: as the design says.
    expect(engine.commands().slice(-2)).toEqual(['unsilence media', 'unblock DTMF']);
    await expect(mask.open()).resolves.toEqual({ detail: 'nothing was masked' });
  });

  test('a guard asked to close while it opens ends closed', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    let pass = (): void => undefined;
    engine.gate = new Promise((resolve) => {
      pass = resolve;
    });
    const opening = mask.openGuard();
    await settled();
    expect(engine.commands().at(-1)).toBe('unsilence media');
    const closing = mask.closeGuard();
    pass();
    await expect(opening).resolves.toEqual({ detail: 'unsilence media ok' });
    await expect(closing).resolves.toEqual({ detail: 'silence media ok' });
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
  });

  test.each(['openGuard', 'open'] as const)(
    '%s that waits behind a later close sends nothing',
    async (opening) => {
      const { engine, mask } = setUp();
      const first = mask.close();
      const superseded = mask[opening]();
      const last = mask.close();
      await first;
      await expect(superseded).rejects.toMatchObject({ code: 'masking_superseded' });
      await last;
      expect(engine.commands().filter((command) => command.startsWith('un'))).toEqual([]);
    },
  );

  test('a guard whose opening was not answered counts as closed, so that applying again closes it', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    engine.answers = false;
    await expect(mask.openGuard()).rejects.toMatchObject({ code: 'rtpengine_unreachable' });
    expect(engine.tag('leg-1', 'fs').silenced).toBe(false);
    engine.answers = true;
    await mask.reassert();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
  });

  test('an open that failed half-way can be asked again, and applying again closes it first', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    engine.answers = false;
    await expect(mask.open()).rejects.toMatchObject({ code: 'rtpengine_unreachable' });
    engine.answers = true;
    await mask.reassert();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
    await mask.open();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(opened);
  });

  test('applying again keeps an open guard open and never opens a closed one', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    await mask.openGuard();
    engine.sent.length = 0;
    await mask.reassert();
    expect(engine.commands()).toEqual(['block DTMF', 'query']);
  });

  test('guard and verify without a mask say that nothing is masked', async () => {
    const { mask } = setUp();
    await expect(mask.openGuard()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.closeGuard()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.verify()).rejects.toMatchObject({ code: 'masking_lost' });
  });
});

describe('verify', () => {
  test('an engine that no longer knows the call or the tag has lost the mask; an unreachable one has not', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    engine.answers = false;
    await expect(mask.verify()).rejects.toMatchObject({ code: 'rtpengine_unreachable' });
    engine.answers = true;
    engine.addCall('leg-1', { agent: { address: AGENT } });
    await expect(mask.verify()).rejects.toMatchObject({ code: 'masking_lost' });
    engine.calls.clear();
    await expect(mask.verify()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.reassert()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.open()).resolves.toEqual({
      detail: 'nothing to open: rtpengine no longer knows the stream',
    });
  });

  test('a tag that stands while its media address is unknown for now still stands', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    delete engine.tag('leg-1', 'fs').address;
    await expect(mask.verify()).resolves.toEqual({ detail: 'query: call and tag stand' });
  });

  test('a new tag is masked as far as the mask stands now, and open undoes both', async () => {
    const { engine, mask } = setUp();
    await mask.close();
    await mask.openGuard();
    engine.calls.get('leg-1')?.tags.set('fs-new', { address: FREESWITCH });
    expect((await mask.verify()).detail).toContain('masked the new one');
    expect(engine.tag('leg-1', 'fs-new').blocked).toBe(true);
    expect(engine.tag('leg-1', 'fs-new').silenced).toBeUndefined();
    await mask.closeGuard();
    expect(engine.tag('leg-1', 'fs-new')).toMatchObject(closed);
    await mask.open();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(opened);
    expect(engine.tag('leg-1', 'fs-new')).toMatchObject(opened);
  });

  test('a new call-id of the leg is masked', async () => {
    const { engine, mask, leg } = setUp();
    await mask.close();
    engine.addCall('leg-2', { fs2: { address: FREESWITCH }, agent: { address: AGENT } });
    engine.calls.delete('leg-1');
    leg.callId = 'leg-2';
    expect((await mask.verify()).detail).toContain('masked the new one');
    expect(engine.tag('leg-2', 'fs2')).toMatchObject(closed);
    await expect(mask.closeGuard()).resolves.toBeDefined();
    await mask.open();
    expect(engine.tag('leg-2', 'fs2')).toMatchObject(opened);
  });

  test('a call or a tag that was created anew under the same name is masked, and reported as lost', async () => {
    for (const [callCreated, tagCreated] of [
      [2, 1],
      [1, 2],
    ] as const) {
      const { engine, mask } = setUp();
      await mask.close();
      engine.addCall('leg-1', { fs: { address: FREESWITCH, created: tagCreated } }, callCreated);
      await expect(mask.verify()).rejects.toMatchObject({ code: 'masking_lost' });
      expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
    }
  });
});

describe('the record', () => {
  test('names call and tag before anything is applied', async () => {
    const { engine, mask } = setUp();
    await expect(mask.record('cap_1')).resolves.toEqual({
      captureId: 'cap_1',
      bridge: 'dial',
      agentLegCallId: 'leg-1',
      tag: 'fs',
    });
    expect(engine.commands()).toEqual(['query']);
  });

  test('is refused without a leg', async () => {
    const { mask, leg } = setUp();
    leg.callId = undefined;
    await expect(mask.record('cap_1')).rejects.toMatchObject({ code: 'masking_unavailable' });
  });

  const record: LockRecord = { captureId: 'cap_1', bridge: 'dial', agentLegCallId: 'leg-1', tag: 'fs' };

  test('lets a later process open, verify or close what an earlier one masked', async () => {
    const { engine, mask, leg } = setUp({ record });
    Object.assign(engine.tag('leg-1', 'fs'), closed);
    // The agent leg's call-id comes from jambonz and may not be known again yet.
    leg.callId = undefined;
    await expect(mask.verify()).resolves.toEqual({ detail: 'query: call and tag stand' });
    await mask.open();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(opened);

    leg.callId = 'leg-1';
    await mask.close();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(closed);
  });

  test('opening after a restart also opens the stream that was masked after the record was written', async () => {
    const { engine, mask } = setUp({ record });
    engine.addCall('leg-1', {
      fs: { address: FREESWITCH, ...closed },
      later: { address: FREESWITCH, ...closed },
    });
    await mask.open();
    expect(engine.tag('leg-1', 'fs')).toMatchObject(opened);
    expect(engine.tag('leg-1', 'later')).toMatchObject(opened);
  });

  test('of a call that is over opens nothing and is no error', async () => {
    const { engine, mask } = setUp({ record });
    engine.calls.clear();
    await expect(mask.open()).resolves.toEqual({
      detail: 'nothing to open: rtpengine no longer knows the stream',
    });
  });
});
