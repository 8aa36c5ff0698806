import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from '../../../../../src/base/errors.ts';
import {
  AmfEcmaArray,
  AmfObject,
  amfEcmaArray,
  amfObject,
  encodeAmf0,
  readAmf0,
  type AmfValue,
} from '../../../../../src/protocols/amf0/index.ts';
import * as rtmp from '../../../../../src/protocols/rtmp/command/index.ts';
import type { RtmpRequest } from '../../../../../src/protocols/rtmp/command/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const call = (name: string, id: number, ...args: AmfValue[]): RtmpRequest =>
  rtmp.readRequest(rtmp.readCommand(20, encodeAmf0([name, id, ...args])));

/** What ffmpeg 5.1 sends to publish rtmp://127.0.0.1:29351/live/x?token=1, message by message, captured. */
const FFMPEG = {
  connect:
    '020007636f6e6e656374003ff00000000000000300036170700200046c69766500047479706502000a6e6f6e70726976617465' +
    '0008666c617368566572020024464d4c452f332e302028636f6d70617469626c653b204c61766635392e32372e3130302900' +
    '05746355726c02001b72746d703a2f2f3132372e302e302e313a32393335312f6c697665000009',
  releaseStream: '02000d72656c6561736553747265616d00400000000000000005020009783f746f6b656e3d31',
  fcPublish: '02000946435075626c69736800400800000000000005020009783f746f6b656e3d31',
  createStream: '02000c63726561746553747265616d00401000000000000005',
  publish: '0200077075626c69736800401400000000000005020009783f746f6b656e3d310200046c697665',
  metadata:
    '02000d40736574446174614672616d6502000a6f6e4d65746144617461080000000d00086475726174696f6e003ff0000000000000' +
    '00057769647468004064000000000000000668656967687400405e000000000000000d766964656f64617461726174650000000000' +
    '0000000000096672616d6572617465004024000000000000000c766964656f636f646563696400401c000000000000000d61756469' +
    '6f6461746172617465004050d88000000000000f617564696f73616d706c65726174650040e5888000000000000f617564696f7361' +
    '6d706c6573697a65004030000000000000000673746572656f0100000c617564696f636f6465636964004024000000000000000765' +
    '6e636f64657202000d4c61766635392e32372e313030000866696c6573697a65000000000000000000000009',
};

test('ffmpeg publishes: each of its messages is understood', () => {
  const read = (text: string): RtmpRequest => rtmp.readRequest(rtmp.readCommand(20, hex(text)));
  assert.deepStrictEqual(read(FFMPEG.connect), {
    kind: 'connect',
    id: 1,
    connect: {
      app: 'live',
      tcUrl: 'rtmp://127.0.0.1:29351/live',
      flashVer: 'FMLE/3.0 (compatible; Lavf59.27.100)',
      swfUrl: '',
      pageUrl: '',
      objectEncoding: 0,
      type: 'nonprivate',
      fourCcList: [],
      args: [],
    },
  });
  assert.deepStrictEqual(read(FFMPEG.releaseStream), { kind: 'releaseStream', id: 2, name: 'x?token=1' });
  assert.deepStrictEqual(read(FFMPEG.fcPublish), { kind: 'FCPublish', id: 3, name: 'x?token=1' });
  assert.deepStrictEqual(read(FFMPEG.createStream), { kind: 'createStream', id: 4 });
  assert.deepStrictEqual(read(FFMPEG.publish), { kind: 'publish', id: 5, name: 'x?token=1', mode: 'live' });
});

test('ffmpeg and rtmpdump play: each of their messages is understood', () => {
  const read = (text: string): RtmpRequest => rtmp.readRequest(rtmp.readCommand(20, hex(text)));
  // ffprobe 5.1 and rtmpdump 2.4, rtmp://127.0.0.1:29351/live/x, captured.
  const connect = read(
    '020007636f6e6e656374003ff00000000000000300036170700200046c6976650008666c61736856657202000d4c4e5820392c302c3132' +
      '342c320005746355726c02001b72746d703a2f2f3132372e302e302e313a32393335312f6c697665000466706164010000' +
      '0c6361706162696c697469657300402e000000000000000b617564696f436f646563730040afce0000000000000b7669646' +
      '56f436f6465637300406f800000000000000d766964656f46756e6374696f6e003ff0000000000000000009',
  );
  assert.ok(connect.kind === 'connect');
  assert.equal(connect.connect.flashVer, 'LNX 9,0,124,2');
  assert.equal(connect.connect.type, '');
  assert.deepStrictEqual(read('02000f67657453747265616d4c656e6774680040080000000000000502000178'), {
    kind: 'getStreamLength',
    id: 3,
    name: 'x',
  });
  const play = { kind: 'play', id: 4, name: 'x', durationMs: undefined, reset: true };
  assert.deepStrictEqual(read('020004706c6179004010000000000000050200017800c09f400000000000'), {
    ...play,
    startMs: 'any',
  });
  assert.deepStrictEqual(read('020004706c6179004010000000000000050200017800c08f400000000000'), {
    ...play,
    startMs: 'live',
  });
  const subscribe = read('02000b46435375627363726962650040080000000000000502000178');
  assert.ok(subscribe.kind === 'unknown' && subscribe.command.name === 'FCSubscribe');
  assert.deepStrictEqual(read('02000c64656c65746553747265616d00401400000000000005003ff0000000000000'), {
    kind: 'deleteStream',
    id: 5,
    streamId: 1,
  });
});

test('our client writes the same bytes as ffmpeg', () => {
  assert.equal(rtmp.encodeReleaseStream(2, 'x?token=1').toString('hex'), FFMPEG.releaseStream);
  assert.equal(rtmp.encodeFcPublish(3, 'x?token=1').toString('hex'), FFMPEG.fcPublish);
  assert.equal(rtmp.encodeCreateStream(4).toString('hex'), FFMPEG.createStream);
  assert.equal(rtmp.encodePublish(5, 'x?token=1', 'live').toString('hex'), FFMPEG.publish);
});

test('ffmpeg metadata: the wrapper is told apart from what FLV stores', () => {
  const payload = hex(FFMPEG.metadata);
  const data = rtmp.readData(18, payload);
  assert.equal(data.name, 'onMetaData');
  assert.equal(data.action, 'set');
  const metadata = rtmp.metadataOf(data);
  assert.ok(metadata instanceof AmfEcmaArray);
  assert.equal(metadata.number('width'), 160);
  assert.equal(metadata.string('encoder'), 'Lavf59.27.100');
  assert.equal(
    rtmp.encodeData(data.name, ...data.values).toString('hex'),
    payload.toString('hex', data.offset),
  );
  assert.equal(rtmp.encodeSetDataFrame(metadata).toString('hex'), payload.toString('hex'));
});

const none = new AmfObject();
const REQUESTS: readonly { name: string; got: () => RtmpRequest; want: RtmpRequest }[] = [
  {
    name: 'play as librtmp: ms, -1000 = live',
    got: () => call('play', 4, null, 'x', -1000),
    want: { kind: 'play', id: 4, name: 'x', startMs: 'live', durationMs: undefined, reset: true },
  },
  {
    name: 'play as ffmpeg: -2000 = any',
    got: () => call('play', 0, null, 'x', -2000),
    want: { kind: 'play', id: 0, name: 'x', startMs: 'any', durationMs: undefined, reset: true },
  },
  {
    name: 'play as the spec says: -1, -1, false',
    got: () => call('play', 0, null, 'x', -1, -1, false),
    want: { kind: 'play', id: 0, name: 'x', startMs: 'live', durationMs: undefined, reset: false },
  },
  {
    name: 'play of a part',
    got: () => call('play', 0, null, 'x', 5000, 10_000, 1),
    want: { kind: 'play', id: 0, name: 'x', startMs: 5000, durationMs: 10_000, reset: true },
  },
  {
    name: 'play with reset as a number without bit 0',
    got: () => call('play', 0, null, 'x', -2, 0, 2),
    want: { kind: 'play', id: 0, name: 'x', startMs: 'any', durationMs: undefined, reset: false },
  },
  {
    name: 'play with odd numbers',
    got: () => call('play', 0, null, 'x', NaN, 'x', null),
    want: { kind: 'play', id: 0, name: 'x', startMs: 'any', durationMs: undefined, reset: true },
  },
  { name: 'play(false)', got: () => call('play', 0, null, false), want: { kind: 'closeStream', id: 0 } },
  {
    name: 'publish(false)',
    got: () => call('publish', 0, null, false),
    want: { kind: 'closeStream', id: 0 },
  },
  {
    name: 'publish without a mode',
    got: () => call('publish', 0, null, 'x'),
    want: { kind: 'publish', id: 0, name: 'x', mode: 'live' },
  },
  {
    name: 'publish with an empty stream key',
    got: () => call('publish', 5, null, undefined, 'live'),
    want: { kind: 'publish', id: 5, name: '', mode: 'live' },
  },
  {
    name: 'publish append',
    got: () => call('publish', 0, null, 'x', 'append'),
    want: { kind: 'publish', id: 0, name: 'x', mode: 'append' },
  },
  {
    name: 'play2',
    got: () =>
      call('play2', 0, null, amfObject({ oldStreamName: 'x', streamName: 'y', transition: 'switch' })),
    want: { kind: 'play2', id: 0, name: 'y', transition: 'switch' },
  },
  {
    name: 'pause',
    got: () => call('pause', 0, null, true, 1500),
    want: { kind: 'pause', id: 0, paused: true, atMs: 1500 },
  },
  {
    name: 'pauseRaw',
    got: () => call('pauseRaw', 0, null, false, 0),
    want: { kind: 'pause', id: 0, paused: false, atMs: 0 },
  },
  { name: 'seek', got: () => call('seek', 0, null, 2000), want: { kind: 'seek', id: 0, toMs: 2000 } },
  { name: 'closeStream', got: () => call('closeStream', 0, null), want: { kind: 'closeStream', id: 0 } },
  {
    name: 'deleteStream',
    got: () => call('deleteStream', 7, null, 1),
    want: { kind: 'deleteStream', id: 7, streamId: 1 },
  },
  {
    name: 'receiveAudio',
    got: () => call('receiveAudio', 0, null, false),
    want: { kind: 'receiveAudio', id: 0, on: false },
  },
  {
    name: 'receiveVideo',
    got: () => call('receiveVideo', 0, null, true),
    want: { kind: 'receiveVideo', id: 0, on: true },
  },
  {
    name: '_checkbw (Haivision)',
    got: () => call('_checkbw', 2, null),
    want: { kind: 'checkBandwidth', id: 2 },
  },
  {
    name: 'getStreamLength',
    got: () => call('getStreamLength', 3, null, 'x'),
    want: { kind: 'getStreamLength', id: 3, name: 'x' },
  },
  {
    name: 'FCUnpublish',
    got: () => call('FCUnpublish', 6, null, 'x'),
    want: { kind: 'FCUnpublish', id: 6, name: 'x' },
  },
  {
    name: 'FCPublish without a name',
    got: () => call('FCPublish', 6, null),
    want: { kind: 'FCPublish', id: 6, name: '' },
  },
  {
    name: 'an unknown call',
    got: () => call('hello', 9, none, 1),
    want: { kind: 'unknown', id: 9, command: { name: 'hello', transactionId: 9, object: none, args: [1] } },
  },
  {
    name: 'an answer',
    got: () => call('_result', 1, null),
    want: { kind: 'answer', id: 1, command: { name: '_result', transactionId: 1, object: null, args: [] } },
  },
];

for (const { name, got, want } of REQUESTS)
  test(`request: ${name}`, () => assert.deepStrictEqual(got(), want));

const REFUSED: readonly { name: string; run: () => unknown; code: string }[] = [
  {
    name: 'an empty command',
    run: () => rtmp.readCommand(20, Buffer.alloc(0)),
    code: 'RTMP_COMMAND_INVALID',
  },
  {
    name: 'a command named by a number',
    run: () => rtmp.readCommand(20, encodeAmf0([1])),
    code: 'RTMP_COMMAND_INVALID',
  },
  { name: 'connect without its object', run: () => call('connect', 1, null), code: 'RTMP_COMMAND_INVALID' },
  {
    name: 'publish with a number as name',
    run: () => call('publish', 1, null, 7),
    code: 'RTMP_COMMAND_INVALID',
  },
  { name: 'play2 without options', run: () => call('play2', 1, null), code: 'RTMP_COMMAND_INVALID' },
  {
    name: 'data without a name',
    run: () => rtmp.readData(18, encodeAmf0([5])),
    code: 'RTMP_COMMAND_INVALID',
  },
  { name: 'empty data', run: () => rtmp.readData(15, hex('00')), code: 'RTMP_COMMAND_INVALID' },
];

for (const { name, run, code } of REFUSED) {
  test(`refused: ${name}`, () => {
    assert.throws(run, (error) => error instanceof ServerError && error.code === code);
  });
}

test('AMF3 command: the format byte, then AMF0; also without the byte', () => {
  const payload = rtmp.encodeCreateStream(4);
  const want = rtmp.readCommand(20, payload);
  assert.deepStrictEqual(rtmp.readCommand(17, rtmp.asCommand3(payload)), want);
  assert.deepStrictEqual(rtmp.readCommand(17, payload), want);
});

test('AMF3 data: what FLV stores begins behind the format byte and the wrapper', () => {
  const payload = Buffer.concat([hex('00'), rtmp.encodeSetDataFrame(amfEcmaArray({ width: 2 }))]);
  const data = rtmp.readData(15, payload);
  assert.equal(data.action, 'set');
  assert.deepStrictEqual(readAmf0(payload, data.offset), ['onMetaData', amfEcmaArray({ width: 2 })]);
});

test('data: bare metadata, metadata that lost its name, cleared metadata, text', () => {
  const object = amfEcmaArray({ a: 1 });
  assert.deepStrictEqual(rtmp.readData(18, encodeAmf0(['onMetaData', object])), {
    name: 'onMetaData',
    values: [object],
    action: 'pass',
    offset: 0,
  });
  assert.equal(rtmp.readData(18, encodeAmf0([object])).name, 'onMetaData');
  assert.equal(rtmp.readData(18, encodeAmf0(['@setDataFrame', object])).name, 'onMetaData');
  assert.equal(rtmp.readData(18, encodeAmf0(['@clearDataFrame', 'onMetaData'])).action, 'clear');
  assert.equal(rtmp.readData(18, encodeAmf0(['onTextData', amfObject({ text: 'x' })])).name, 'onTextData');
});

test('connect: odd properties do not end the session', () => {
  const command = rtmp.readCommand(
    20,
    encodeAmf0([
      'connect',
      1,
      amfEcmaArray({ app: 5, objectEncoding: '3', fourCcList: ['hvc1', 7, 'av01'] }),
      'token',
    ]),
  );
  const connect = rtmp.readConnect(command);
  assert.equal(connect.app, '');
  assert.equal(connect.objectEncoding, 3);
  assert.deepStrictEqual(connect.fourCcList, ['hvc1', 'av01']);
  assert.deepStrictEqual(connect.args, ['token']);
});

/** Answers, byte for byte. */
const ANSWERS: readonly { name: string; got: Buffer; want: string }[] = [
  {
    name: '_result(null, undefined)',
    got: rtmp.encodeUndefinedResult(2),
    want: '0200075f726573756c74 004000000000000000 05 06',
  },
  {
    name: '_result(null, null)',
    got: rtmp.encodeNullResult(2),
    want: '0200075f726573756c74 004000000000000000 05 05',
  },
  {
    name: '_result(null, streamId)',
    got: rtmp.encodeCreateStreamResult(4, 1),
    want: '0200075f726573756c74 004010000000000000 05 003ff0000000000000',
  },
  { name: 'onBWDone', got: rtmp.encodeOnBwDone(), want: '0200086f6e4257446f6e65 000000000000000000 05' },
  {
    name: '|RtmpSampleAccess',
    got: rtmp.encodeSampleAccess(true, true),
    want: `020011 ${Buffer.from('|RtmpSampleAccess').toString('hex')} 0101 0101`,
  },
];

for (const { name, got, want } of ANSWERS) {
  test(`answer: ${name}`, () => assert.equal(got.toString('hex'), hex(want).toString('hex')));
}

test('answer to connect: properties, information and data in the order of SRS', () => {
  const bytes = rtmp.encodeConnectResult(1, { objectEncoding: 3, data: { srs_server: 'SRS', srs_id: 7 } });
  assert.deepStrictEqual(readAmf0(bytes), [
    '_result',
    1,
    amfObject({ fmsVer: 'FMS/5,0,20,0', capabilities: 127, mode: 1 }),
    new AmfObject([
      ['level', 'status'],
      ['code', 'NetConnection.Connect.Success'],
      ['description', 'Connection succeeded'],
      ['objectEncoding', 3],
      ['data', amfEcmaArray({ version: '5,0,20,0', srs_server: 'SRS', srs_id: 7 })],
    ]),
  ]);
});

test('status: level, code, description, then details and clientid; read again from either place', () => {
  const bytes = rtmp.encodeOnStatus('NetStream.Play.Start', { details: 'x', withClientId: true });
  assert.deepStrictEqual(readAmf0(bytes), [
    'onStatus',
    0,
    null,
    amfObject({
      level: 'status',
      code: 'NetStream.Play.Start',
      description: 'Started playing stream.',
      details: 'x',
      clientid: 'ASAICiss',
    }),
  ]);
  const status = rtmp.readStatus(rtmp.readCommand(20, bytes));
  assert.equal(status?.code, 'NetStream.Play.Start');
  assert.equal(status.level, 'status');
  const inObject = { name: 'onStatus', transactionId: 0, object: amfObject({ code: 'X' }), args: [] };
  assert.equal(rtmp.readStatus(inObject)?.code, 'X');
  assert.equal(rtmp.readStatus({ ...inObject, object: null }), undefined);
  assert.deepStrictEqual(
    [...(rtmp.readStatus(rtmp.readCommand(20, rtmp.encodeOnFcPublish()))?.properties.entries.keys() ?? [])],
    ['code', 'description'],
  );
});

test('redirect: written and read', () => {
  const redirect = { tcUrl: 'rtmp://b/live', url: 'rtmp://b/live/x' };
  for (const bytes of [
    rtmp.encodeConnectError(1, 'RTMP 302 Redirect', redirect),
    rtmp.encodeRejectedStatus('RTMP 302 Redirect', redirect),
  ]) {
    const status = rtmp.readStatus(rtmp.readCommand(20, bytes));
    assert.ok(status !== undefined);
    assert.equal(status.code, 'NetConnection.Connect.Rejected');
    assert.deepStrictEqual(rtmp.readRedirect(status.properties), redirect);
  }
  const plain = rtmp.readStatus(rtmp.readCommand(20, rtmp.encodeConnectError(1, 'no')));
  assert.ok(plain !== undefined);
  assert.equal(rtmp.readRedirect(plain.properties), undefined);
});

test('metadata for players: without wrapper and duration, signed, an ECMA array; the rest passes', () => {
  const server = { name: 'S', version: '1.2' };
  const want = [
    'onMetaData',
    amfEcmaArray({ width: 2, server: 'S/1.2', version: '1.2', server_version: '1.2' }),
  ];
  const object = amfObject({ duration: 5, width: 2 });
  for (const bytes of [['@setDataFrame', 'onMetaData', object], ['onMetaData', object], [object]]) {
    const out = rtmp.readDataMessage(18, encodeAmf0(bytes), server);
    assert.ok(out !== undefined);
    assert.deepStrictEqual(readAmf0(out), want);
  }
  assert.equal(rtmp.readDataMessage(18, encodeAmf0(['@clearDataFrame', 'onMetaData']), server), undefined);
  assert.equal(rtmp.readDataMessage(18, encodeAmf0(['onMetaData']), server), undefined);
  const text = encodeAmf0(['onTextData', amfObject({ text: 'x' })]);
  assert.deepStrictEqual(rtmp.readDataMessage(18, text, server), text);
  assert.deepStrictEqual(rtmp.readDataMessage(15, Buffer.concat([hex('00'), text]), server), text);
});
