import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type JambonzSimulator, startJambonzSimulator } from '../../../../simulators/jambonz/simulator.ts';
import { createAuthority, issueLeaf } from '../../../../src/pki/certificate.ts';
import { dialAgent } from './bench.ts';
import { FakeMedia } from './fake-media.ts';
import { TestApplication } from './test-application.ts';

const validity = { from: new Date(), days: 1 };
let trusted: string;
let stranger: string;
let server: { key: string; cert: string };
let application: TestApplication | undefined;
let simulator: JambonzSimulator | undefined;

beforeAll(async () => {
  const [authority, other] = await Promise.all([
    createAuthority('test', validity),
    createAuthority('stranger', validity),
  ]);
  const leaf = await issueLeaf(authority, { commonName: 'application', usage: 'server' }, validity);
  trusted = authority.certificate;
  stranger = other.certificate;
  server = { key: leaf.key, cert: leaf.certificate };
});

afterEach(async () => {
  await simulator?.close();
  await application?.close();
});

describe('an application behind TLS', () => {
  it('is reached for control, listen and status hooks with the given CA', async () => {
    application = await TestApplication.start(0, server);
    const secure = application;
    simulator = startJambonzSimulator({
      applicationUrl: secure.url('/jambonz', 'wss'),
      media: new FakeMedia(),
      ca: trusted,
    });
    secure.answer = (message) => (message['type'] === 'session:new' ? [dialAgent] : []);
    const placed = simulator.placeCall({
      from: '1',
      to: '2',
      caller: { number: '1' },
      agent: { number: '2000' },
    });
    await placed.whenConnected;
    const control = await secure.connection('/jambonz');
    secure.command(control, 'config', {
      listen: { enable: true, url: '/listen', passDtmf: true, mixType: 'stereo' },
    });
    const socket = await secure.connection('/listen');
    await secure.until(() => socket.frames.length > 0);
    expect(new Set(socket.frames)).toEqual(new Set([640]));
    secure.command(control, 'dial', {
      from: '2',
      to: { type: 'phone', number: '2000' },
      call_hook: '/agentleg',
      call_status_hook: secure.url('/status', 'https'),
    });
    await secure.until(() => secure.posts.length > 0);
  });

  it('is never reached with another CA: the caller gets 480', async () => {
    application = await TestApplication.start(0, server);
    simulator = startJambonzSimulator({
      applicationUrl: application.url('/jambonz', 'wss'),
      media: new FakeMedia(),
      ca: stranger,
      timings: { reconnectMs: 1 },
    });
    const placed = simulator.placeCall({ from: '1', to: '2', caller: { number: '1' } });
    await placed.whenEnded;
    expect(placed.callerFinal).toBe(480);
    expect(application.connections).toEqual([]);
  });
});
