import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Logger } from '../../../../src/kernel/logger.ts';
import { ControlSocket, ListenSocket, PASSWORD, ScriptedCall, USERNAME } from './scripted-jambonz.ts';
import { startWorld } from './telephony-world.ts';
import type { World } from './telephony-world.ts';

let world: World | undefined;
afterEach(async () => {
  await world?.telephony.close();
  world = undefined;
});

const AUTH = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`;

/** The status that an upgrade is refused with. */
async function upgradeStatus(url: string, authorization: string | undefined): Promise<number | undefined> {
  const socket = new WebSocket(url, 'ws.jambonz.org', {
    headers: authorization === undefined ? {} : { authorization },
  });
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe('the server that jambonz connects to', () => {
  it('refuses a wrong or missing password before the upgrade, on control and on listen paths', async () => {
    world = await startWorld('dial');
    const { url, port } = world.telephony;
    expect(await upgradeStatus(url, undefined)).toBe(401);
    expect(await upgradeStatus(url, 'Basic d3Jvbmc6d3Jvbmc=')).toBe(401);
    expect(await upgradeStatus(`ws://127.0.0.1:${port}/listen/${'a'.repeat(43)}`, undefined)).toBe(401);
  });

  it('knows no other path, and no listen path that it did not issue', async () => {
    world = await startWorld('dial');
    const base = `ws://127.0.0.1:${world.telephony.port}`;
    expect(await upgradeStatus(`${base}/`, AUTH)).toBe(404);
    expect(await upgradeStatus(`${base}/jambonz/other`, AUTH)).toBe(404);
    expect(await upgradeStatus(`${base}/listen/${'a'.repeat(43)}`, AUTH)).toBe(404);
  });

  it.each([
    ['text that is no JSON', 'no json'],
    ['no type', '{"msgid":"a"}'],
    ['no msgid', '{"type":"session:new"}'],
    ['binary', Buffer.from([1, 2, 3])],
    ['more than 256 KiB', JSON.stringify({ type: 'x', msgid: 'y', data: 'z'.repeat(300_000) })],
    ['a session without a call', '{"type":"session:new","msgid":"a","data":null}'],
  ])('closes with 1007 on %s and goes on serving', async (_what, data) => {
    const logged: unknown[] = [];
    const note = (message: string, fields?: unknown): void => void logged.push(message, fields);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    world = await startWorld('dial', { logger });
    const socket = await ControlSocket.open(world.telephony.url);
    socket.raw(data);
    expect(await socket.closed).toBe(1007);
    expect(JSON.stringify(logged)).not.toContain('no json');

    const next = await ControlSocket.open(world.telephony.url);
    const ack = await next.acked('session:new', new ScriptedCall().sessionNew());
    expect(ack.data).toMatchObject([{ verb: 'dial' }]);
  });

  it('survives frames that are valid and make no sense', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const socket = await ControlSocket.open(world.telephony.url);
    for (const type of [
      'tts:tokens-result',
      'tts:streaming-event',
      'llm:event',
      'verb:hook',
      'call:status',
      'nonsense',
    ]) {
      socket.message(type, { call_sid: call.callSid, data: { event_type: 'stream_resumed' }, hook: 'close' });
    }
    await socket.acked('session:new', call.sessionNew());
    for (const type of ['tts:tokens-result', 'tts:streaming-event', 'llm:event', 'session:new', 'nonsense']) {
      socket.message(type, { call_sid: call.callSid, data: { event_type: 'stream_resumed' }, hook: 'close' });
    }
    const ack = await socket.acked('verb:hook', { call_sid: call.callSid, hook: 'close', data: {} });
    expect(ack.data).toBeUndefined();
  });

  it('serves two sockets of the same path independently', async () => {
    world = await startWorld('dial');
    const [one, two] = [new ScriptedCall(), new ScriptedCall()];
    const [first, second] = [
      await ControlSocket.open(world.telephony.url),
      await ControlSocket.open(world.telephony.url),
    ];
    await second.acked('session:new', two.sessionNew());
    await first.acked('session:new', one.sessionNew());
    expect(world.telephony.calls.list('acc_1')).toHaveLength(2);
    await first.acked('verb:hook', { call_sid: one.callSid, hook: '/unknown', data: {} });
    await second.acked('verb:hook', { call_sid: two.callSid, hook: '/unknown', data: {} });
    expect([...first.inbox.items, ...second.inbox.items]).toEqual([]);
  });

  it('answers http with 404 for every path but an issued status hook', async () => {
    world = await startWorld('conference');
    const post = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const sent = request(
          { host: '127.0.0.1', port: world?.telephony.port, path, method: 'POST', agent: false },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        );
        sent.on('error', reject);
        sent.end('{}');
      });
    expect(await post('/')).toBe(404);
    expect(await post(`/jambonz/call-status/${'a'.repeat(43)}`)).toBe(404);
  });

  it('closes with 1001, so that jambonz connects again', async () => {
    const { telephony } = await startWorld('dial');
    const socket = await ControlSocket.open(telephony.url);
    await socket.acked('session:new', new ScriptedCall().sessionNew());
    await telephony.close();
    expect(await socket.closed).toBe(1001);
  });
});

describe('listen paths', () => {
  it('serve one socket, for the call that they were made for', async () => {
    world = await startWorld('dial');
    const call = new ScriptedCall();
    const control = await ControlSocket.open(world.telephony.url);
    await control.acked('session:new', call.sessionNew());
    control.message('call:status', call.childStatus('in-progress'));
    await world.changes.take(({ state }) => state === 'connected');
    const [snapshot] = world.telephony.calls.list('acc_1');
    const refused = world.telephony.calls
      .secure(
        snapshot?.callId ?? '',
        { captureId: 'cap_1', guardPolicy: 'until_proven', confirmWithinMs: 400 },
        { key: () => {}, interrupted: () => {}, restored: () => {}, failed: () => {}, callEnded: () => {} },
      )
      .catch((error: unknown) => error);
    const { data } = await control.command('config');
    const { listen } = data as { listen: { url: string; wsAuth: unknown; mixType: string } };
    expect(listen).toMatchObject({
      enable: true,
      passDtmf: true,
      mixType: 'mono',
      sampleRate: 8000,
      disableBidirectionalAudio: true,
      wsAuth: { username: USERNAME, password: PASSWORD },
    });
    const stranger = await ListenSocket.open(listen.url, 'another-call');
    expect(await stranger.closed).toBe(1008);
    expect(await upgradeStatus(listen.url, AUTH)).toBe(404);
    expect(await refused).toMatchObject({ failure: 'masking_unavailable' });
  });
});
