import { suite } from 'node:test';
import { httpFlvViewer, rtmpViewer, webSocketFlvViewer } from '../support/viewers.ts';
import { testOutput, type OutputUnderTest } from './output.ts';

/** Every output joins here. */
const OUTPUTS: readonly OutputUnderTest[] = [
  { name: 'RTMP', open: rtmpViewer, afterHold: 'wait' },
  { name: 'HTTP-FLV', open: httpFlvViewer, afterHold: 'end' },
  { name: 'WebSocket-FLV', open: webSocketFlvViewer, afterHold: 'end' },
];

for (const output of OUTPUTS) suite(output.name, () => testOutput(output));
