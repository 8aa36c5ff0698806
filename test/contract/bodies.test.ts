import { suite } from 'node:test';
import { testBody, type BodyUnderTest } from './body.ts';

/** Every live body but FLV, which outputs.test.ts has. */
const BODIES: readonly BodyUnderTest[] = [
  { name: 'HTTP-TS', ending: 'ts' },
  { name: 'WebSocket-TS', ending: 'ts', webSocket: true },
  { name: 'HTTP-AAC', ending: 'aac' },
  { name: 'HTTP-MP3', ending: 'mp3' },
  { name: 'WebSocket-MP3', ending: 'mp3', webSocket: true },
];

for (const body of BODIES) suite(body.name, () => testBody(body));
