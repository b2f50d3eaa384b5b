import { describe, expect, it } from 'vitest';
import { callerKeys, childKeys, closeBenches, dialAgent, startBench, story } from './bench.ts';
import { dataOf, kindOf, type Message } from './test-application.ts';

closeBenches();

const dialling =
  (hookVerbs: unknown[] = []) =>
  (message: Message) =>
    message['type'] === 'session:new' ? [dialAgent] : hookVerbs;

describe('a dialled call', () => {
  it('goes from trying to completed as recorded when the caller hangs up', async () => {
    const { application, call, media } = await startBench();
    application.answer = dialling();
    const placed = call();
    expect(placed.state).toBe('ringing');
    await placed.whenConnected;
    expect(placed.state).toBe('connected');
    expect(media.bridges).toMatchObject([{ undone: false }]);
    placed.hangUpCaller();
    expect(await placed.whenEnded).toEqual({ by: 'caller' });
    expect(story(placed)).toEqual([
      '> ws-open',
      '> session:new',
      '< ack',
      '> call:status trying',
      '> call:status trying (child)',
      '> call:status ringing (child)',
      '> call:status in-progress (child)',
      '> call:status in-progress',
      '> call:status completed',
      '> call:status completed (child)',
      '> verb:hook /dialdone',
      '< ack',
      '> ws-close',
    ]);
    expect(placed.callerFinal).toBe(200);
    expect(placed.state).toBe('ended');
    expect(media.bridges).toMatchObject([{ undone: true }]);
    const connection = await application.connection('/jambonz');
    await application.until(() => connection.closeCode);
    expect(connection.closeCode).toBe(1000);
  });

  it('tells about both legs with the recorded keys', async () => {
    const { application, call } = await startBench();
    application.answer = dialling();
    const placed = call();
    await placed.whenConnected;
    placed.hangUpCaller();
    await placed.whenEnded;
    const inProgress = await application.message('call:status in-progress');
    expect(Object.keys(inProgress)).toEqual(['type', 'msgid', 'call_sid', 'data']);
    expect(Object.keys(dataOf(inProgress))).toEqual(callerKeys);
    expect(dataOf(inProgress)).toMatchObject({ sip_status: 200, sip_reason: 'OK', direction: 'inbound' });

    const trying = await application.message('call:status trying (child)');
    expect(Object.keys(dataOf(trying))).toEqual(childKeys.filter((key) => key !== 'sbc_callid'));
    const child = await application.message('call:status in-progress (child)');
    expect(Object.keys(dataOf(child))).toEqual(childKeys);
    expect(child['call_sid']).toBe(placed.callSid);
    expect(dataOf(child)).toMatchObject({
      direction: 'outbound',
      from: '15551112222',
      to: '2000',
      parent_call_sid: placed.callSid,
      call_id: placed.agentCallId,
    });

    const completed = dataOf(await application.message('call:status completed'));
    expect(completed).toMatchObject({ call_termination_by: 'caller', duration: 0, sip_status: 200 });
    const hook = await application.message('verb:hook /dialdone');
    expect(Object.keys(hook)).toEqual(['type', 'msgid', 'call_sid', 'hook', 'data', 'b3']);
    expect(dataOf(hook)).toMatchObject({
      call_sid: placed.callSid,
      call_status: 'completed',
      dial_call_status: 'completed',
      dial_sip_status: 200,
      dial_call_sid: dataOf(child)['call_sid'],
      dial_sbc_callid: dataOf(child)['sbc_callid'],
    });
  });

  it('sends the whole INVITE with session:new, and authenticates itself', async () => {
    const { application, call } = await startBench({ username: 'jb', password: 'pw' });
    const placed = call({ hasRecording: true });
    const message = await application.message('session:new');
    expect(Object.keys(message)).toEqual(['type', 'msgid', 'call_sid', 'data']);
    expect(Object.keys(dataOf(message))).toEqual([
      'sip',
      'direction',
      'trace_id',
      'has_recording',
      'caller_name',
      'call_sid',
      'account_sid',
      'application_sid',
      'from',
      'to',
      'call_id',
      'sip_status',
      'sip_reason',
      'call_status',
      'sbc_callid',
      'originating_sip_ip',
      'originating_sip_trunk_name',
      'local_sip_address',
      'service_provider_sid',
      'defaults',
    ]);
    const data = dataOf(message);
    expect(data).toMatchObject({ call_sid: placed.callSid, has_recording: true, call_status: 'trying' });
    expect(data['sip']).toMatchObject({
      method: 'INVITE',
      headers: { 'X-CID': data['sbc_callid'], 'call-id': data['call_id'] },
    });
    const { request, protocol } = await application.connection('/jambonz');
    expect(protocol).toBe('ws.jambonz.org');
    expect(request.headers['user-agent']).toBe('jambonz');
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from('jb:pw').toString('base64')}`);
  });

  it('reports a busy agent, and declines the caller as told', async () => {
    const { application, call } = await startBench();
    application.answer = dialling([{ verb: 'sip:decline', status: 486, reason: 'Busy Here' }]);
    const placed = call({ agent: { number: '2000', onRing: 'busy' } });
    expect(await placed.whenEnded).toEqual({ by: 'jambonz' });
    expect(story(placed).slice(3)).toEqual([
      '> call:status trying',
      '> call:status trying (child)',
      '> call:status busy (child)',
      '> verb:hook /dialdone',
      '< ack',
      '> call:status failed',
      '> ws-close',
    ]);
    const busy = dataOf(await application.message('call:status busy (child)'));
    expect(busy).toMatchObject({ sip_status: 486, sip_reason: 'Busy Here' });
    expect(busy).not.toHaveProperty('sbc_callid');
    const hook = dataOf(await application.message('verb:hook /dialdone'));
    expect(hook).toMatchObject({ dial_call_status: 'busy', dial_sip_status: 486, call_status: 'trying' });
    expect(hook).not.toHaveProperty('dial_sbc_callid');
    expect(dataOf(await application.message('call:status failed'))).toMatchObject({ sip_status: 486 });
    expect(placed.callerFinal).toBe(486);
    await expect(placed.whenConnected).rejects.toThrow('before it was connected');
  });

  it('leaves the caller hanging when a busy agent is answered with nothing', async () => {
    const { application, call } = await startBench();
    application.answer = dialling();
    const placed = call({ agent: { number: '2000', onRing: 'busy' } });
    await application.message('verb:hook /dialdone');
    await application.hasRead(await application.connection('/jambonz'));
    expect(placed.state).toBe('ringing');
    placed.hangUpCaller();
    await placed.whenEnded;
    expect(placed.callerFinal).toBe(487);
    expect(story(placed).slice(-2)).toEqual(['> call:status no-answer', '> ws-close']);
  });

  it('gives up an agent who does not answer', async () => {
    const { application, call } = await startBench();
    application.answer = (message) =>
      message['type'] === 'session:new'
        ? [{ ...dialAgent, timeout: 0.05 }]
        : [{ verb: 'sip:decline', status: 480, reason: 'No Answer' }];
    const placed = call({ agent: { number: '2000', onRing: 'ignore' } });
    await placed.whenEnded;
    const kinds = story(placed);
    expect(kinds).toContain('> call:status ringing (child)');
    expect(kinds).toContain('> call:status no-answer (child)');
    const hook = dataOf(await application.message('verb:hook /dialdone'));
    expect(hook).toMatchObject({ dial_call_status: 'no-answer', dial_sip_status: 487 });
    expect(hook).toHaveProperty('dial_sbc_callid');
    expect(placed.callerFinal).toBe(480);
  });

  it('cancels the agent leg when the caller gives up', async () => {
    const { application, call, media } = await startBench();
    application.answer = dialling();
    const placed = call({ agent: { number: '2000', onRing: 'ignore' } });
    await application.message('call:status ringing (child)');
    placed.hangUpCaller();
    expect(await placed.whenEnded).toEqual({ by: 'caller' });
    expect(story(placed).slice(6)).toEqual([
      '> call:status no-answer',
      '> call:status no-answer (child)',
      '> verb:hook /dialdone',
      '< ack',
      '> ws-close',
    ]);
    expect(dataOf(await application.message('call:status no-answer'))).toMatchObject({
      sip_status: 487,
      sip_reason: 'Request Terminated',
      call_termination_by: 'caller',
    });
    expect(media.legs[1]?.log).toEqual(['cancel']);
    expect(placed.callerFinal).toBe(487);
  });

  it('hangs up the caller when told so after the agent hung up', async () => {
    const { application, call, media } = await startBench();
    application.answer = dialling([{ verb: 'hangup' }]);
    const placed = call();
    await placed.whenConnected;
    placed.hangUpAgent();
    expect(await placed.whenEnded).toEqual({ by: 'agent' });
    expect(story(placed).slice(8)).toEqual([
      '> call:status completed (child)',
      '> verb:hook /dialdone',
      '< ack',
      '> call:status completed',
      '> ws-close',
    ]);
    expect(dataOf(await application.message('call:status completed'))['call_termination_by']).toBe('jambonz');
    expect(media.legs[0]?.log).toContain('hangUp');
  });

  it('keeps the caller when the agent hung up and nothing follows', async () => {
    const { application, call } = await startBench();
    application.answer = dialling();
    const placed = call();
    await placed.whenConnected;
    placed.hangUpAgent();
    await application.message('verb:hook /dialdone');
    await application.hasRead(await application.connection('/jambonz'));
    expect(placed.state).toBe('answered');
    placed.hangUpCaller();
    await placed.whenEnded;
    expect(dataOf(await application.message('call:status completed'))['call_termination_by']).toBe('caller');
  });

  it('hangs up the agent leg when new verbs replace the dial, and ignores the hook’s answer', async () => {
    const { application, call, media } = await startBench();
    application.answer = dialling([{ verb: 'hangup' }]);
    const placed = call();
    await placed.whenConnected;
    const connection = await application.connection('/jambonz');
    application.command(connection, 'redirect', [{ verb: 'pause', length: 60 }]);
    await application.message('verb:hook /dialdone');
    expect(media.legs[1]?.log).toContain('hangUp');
    application.command(connection, 'call:status', { call_status: 'completed' });
    expect(await placed.whenEnded).toEqual({ by: 'jambonz' });
    expect(dataOf(await application.message('verb:hook /dialdone'))['call_status']).toBe('in-progress');
  });

  it('answers at once without answerOnBridge', async () => {
    const { application, call } = await startBench();
    application.answer = (message) =>
      message['type'] === 'session:new' ? [{ ...dialAgent, answerOnBridge: false }] : [];
    const placed = call();
    await placed.whenConnected;
    const kinds = story(placed);
    expect(kinds.indexOf('> call:status in-progress')).toBeLessThan(
      kinds.indexOf('> call:status trying (child)'),
    );
  });

  it('fails a number that nobody has', async () => {
    const { application, call } = await startBench();
    application.answer = dialling();
    call({ agent: { number: '3000' } });
    const hook = dataOf(await application.message('verb:hook /dialdone'));
    expect(hook).toMatchObject({ dial_call_status: 'failed', dial_sip_status: 404 });
  });

  it('reports feature codes of the agent', async () => {
    const { application, call } = await startBench();
    application.answer = (message) =>
      message['type'] === 'session:new'
        ? [{ ...dialAgent, dtmfCapture: { childCall: ['*55', '*56'] }, dtmfHook: '/dtmf' }]
        : [];
    const placed = call();
    await placed.whenConnected;
    await placed.agent?.key('1*56', { transport: 'rfc4733' });
    const hook = await application.message('verb:hook /dtmf');
    expect(hook['call_sid']).toBe(placed.callSid);
    expect(dataOf(hook)).toMatchObject({ dtmf: '*56', parent_call_sid: placed.callSid });
    expect(Object.keys(dataOf(hook))).toEqual(['dtmf', ...childKeys]);
  });

  it('takes an agent leg that is killed for a hang-up, and tells of a replaced one by its new call id', async () => {
    const { application, call, media } = await startBench();
    application.answer = dialling();
    const placed = call();
    await placed.whenConnected;
    const before = placed.agentCallId;
    await placed.faults.replaceAgentLeg();
    expect(placed.agentCallId).not.toBe(before);
    const told = await application.message('call:status in-progress (child)', 1);
    expect(dataOf(told)['call_id']).toBe(placed.agentCallId);
    expect(media.bridges).toMatchObject([{ undone: true }, { undone: false }]);
    await placed.faults.renegotiateAgent();
    expect(media.legs[2]?.log).toEqual(['renegotiate']);
    placed.faults.killLeg('agent');
    await application.message('call:status completed (child)');
    expect(media.bridges[1]?.undone).toBe(true);
  });
});

describe('verbs before and after the answer', () => {
  it('declines an unanswered call with status and reason', async () => {
    const { application, call } = await startBench();
    application.answer = () => [{ verb: 'sip:decline', status: 603 }];
    const placed = call();
    await placed.whenEnded;
    expect(placed.callerFinal).toBe(603);
    expect(dataOf(await application.message('call:status failed'))).toMatchObject({
      sip_status: 603,
      sip_reason: 'Trying',
    });
  });

  it('ignores sip:decline after the answer', async () => {
    const { application, call } = await startBench();
    application.answer = () => [{ verb: 'answer' }, { verb: 'sip:decline', status: 603 }, { verb: 'hangup' }];
    const placed = call();
    await placed.whenEnded;
    expect(placed.callerFinal).toBe(200);
    expect(story(placed).slice(3)).toEqual([
      '> call:status trying',
      '> call:status in-progress',
      '> call:status completed',
      '> ws-close',
    ]);
  });

  it('sends no final response for a hangup before the answer', async () => {
    const { application, call } = await startBench();
    application.answer = () => [
      { verb: 'play', url: 'silence_stream://20', earlyMedia: true },
      { verb: 'hangup' },
    ];
    const placed = call();
    const connection = await application.connection('/jambonz');
    await application.message('call:status trying');
    application.command(connection, 'redirect', [{ verb: 'sip:decline', status: 480 }]);
    await placed.whenEnded;
    expect(placed.callerFinal).toBe(480);
  });

  it('gathers keys until there are enough, and reports a timeout without them', async () => {
    const { application, call } = await startBench();
    application.answer = (message) => {
      if (message['type'] === 'session:new') {
        return [
          { verb: 'say', text: 'hello' },
          {
            verb: 'gather',
            input: ['digits'],
            numDigits: 4,
            finishOnKey: '#',
            timeout: 5,
            actionHook: '/digits',
          },
        ];
      }
      return dataOf(message)['reason'] === 'dtmfDetected'
        ? [{ verb: 'gather', input: ['digits'], numDigits: 2, timeout: 0.01, actionHook: '/digits' }]
        : [{ verb: 'hangup' }];
    };
    const placed = call();
    const gathering = await application.until(() => {
      void placed.key('1', { transport: 'rfc4733' });
      void placed.key('#', { transport: 'rfc4733' });
      return application.all('verb:hook /digits')[0];
    });
    expect(dataOf(gathering)).toMatchObject({
      digits: '1',
      reason: 'dtmfDetected',
      call_status: 'in-progress',
    });
    await placed.whenEnded;
    const timeout = dataOf(await application.message('verb:hook /digits', 1));
    expect(timeout['reason']).toBe('timeout');
    expect(timeout).not.toHaveProperty('digits');
  });

  it('carries tagged data in everything after it', async () => {
    const { application, call } = await startBench();
    application.answer = () => [{ verb: 'tag', data: { orderId: 'A' } }, { verb: 'answer' }];
    call();
    const status = await application.message('call:status in-progress');
    expect(dataOf(status)['customerData']).toEqual({ orderId: 'A' });
  });

  it('drops a list with an invalid verb without a word, and the call goes on', async () => {
    const { application, call, simulator } = await startBench();
    application.answer = () => [{ verb: 'answer' }, { verb: 'dial', target: [], colour: 'red' }];
    const placed = call();
    await application.message('call:status trying');
    const connection = await application.connection('/jambonz');
    application.command(connection, 'redirect', [{ verb: 'answer' }]);
    await application.message('call:status in-progress');
    expect(simulator.refused).toMatchObject([
      { callSid: placed.callSid, reason: 'dial: unknown property colour' },
    ]);
    expect(connection.messages.map(({ message }) => kindOf(message))).toEqual([
      'session:new',
      'call:status trying',
      'call:status in-progress',
    ]);
  });
});
