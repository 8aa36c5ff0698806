import { suite } from 'node:test';
import { videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { testInput, type InputUnderTest } from './input.ts';

const rtmp: InputUnderTest = {
  name: 'RTMP',
  busy: /NetStream\.Publish\.BadName/,
  async open(server, name) {
    const peer = await RtmpPeer.shake(server.rtmpPort);
    peer.setChunkSize(60_000);
    peer.connect('live');
    peer.call(0, 'createStream', null);
    peer.call(1, 'publish', null, name, 'live');
    await peer.until(() => peer.ended || peer.statuses().length > 0, 'an answer');
    if (!peer.statuses().includes('NetStream.Publish.Start')) {
      peer.destroy();
      throw new Error(`refused: ${peer.statuses().join()}`);
    }
    return {
      send(count, firstId) {
        peer.video(firstId * 40, videoConfig().flvBody);
        for (let id = firstId; id < firstId + count; id += 1) {
          peer.video(id * 40, videoFrame(0, id === firstId, id).flvBody);
        }
      },
      leave() {
        peer.call(0, 'FCUnpublish', null, name);
        peer.call(0, 'deleteStream', null, 1);
        peer.socket.end();
      },
      abort: () => void peer.socket.resetAndDestroy(),
      closed: () => peer.ended,
    };
  },
};

/** Every input joins here. */
const INPUTS: readonly InputUnderTest[] = [rtmp];

for (const input of INPUTS) suite(input.name, () => testInput(input));
