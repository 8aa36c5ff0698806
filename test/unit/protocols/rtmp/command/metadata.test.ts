import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Amf0Reader, AmfEcmaArray, amfObject } from '../../../../../src/protocols/amf0/index.ts';
import { encodeData, MESSAGE_TYPE, readDataMessage } from '../../../../../src/protocols/rtmp/index.ts';

test('onMetaData gets the keys by which SRS names the server, and loses its duration', () => {
  const sent = encodeData('onMetaData', amfObject({ width: 640, duration: 10, server: 'encoder' }));
  const out = readDataMessage(MESSAGE_TYPE.DATA_AMF0, sent, { name: 'srs-ts', version: '1.2.3' });
  assert.ok(out !== undefined);
  const [name, metadata] = new Amf0Reader(out, 0).readAll();
  assert.equal(name, 'onMetaData');
  assert.ok(metadata instanceof AmfEcmaArray);
  assert.deepEqual(
    [...metadata.entries],
    [
      ['width', 640],
      ['server', 'srs-ts/1.2.3'],
      ['version', '1.2.3'],
      ['server_version', '1.2.3'],
    ],
  );
});
