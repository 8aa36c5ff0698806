import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  asTransport,
  chooseTransport,
  TRANSPORTS,
  type Choice,
  type Obstacle,
  type TransportId,
} from '../../../console/src/model/transport.ts';

interface Case {
  readonly name: string;
  readonly wanted?: TransportId;
  readonly offered: readonly TransportId[];
  readonly obstacles?: Partial<Record<TransportId, Obstacle>>;
  readonly want: Choice;
}

suite('how to play a stream', () => {
  const all: Partial<Record<TransportId, Obstacle>> = Object.fromEntries(
    TRANSPORTS.map((id) => [id, 'browser']),
  );
  const plain = (id: TransportId | undefined): Choice => ({ id, detour: undefined });
  const cases: readonly Case[] = [
    {
      name: 'nothing wanted: what is nearest to live',
      offered: ['dash', 'hls', 'http-flv'],
      want: plain('http-flv'),
    },
    { name: 'nothing wanted, files alone', offered: ['dash', 'hls'], want: plain('hls') },
    {
      name: 'nothing wanted: the first that plays',
      offered: ['http-flv', 'hls'],
      obstacles: { 'http-flv': 'browser' },
      want: plain('hls'),
    },
    { name: 'as wanted', wanted: 'dash', offered: ['http-flv', 'dash'], want: plain('dash') },
    {
      name: 'not offered',
      wanted: 'dash',
      offered: ['http-flv', 'hls'],
      want: { id: 'http-flv', detour: { wanted: 'dash', why: 'not-offered' } },
    },
    {
      name: 'not in this browser',
      wanted: 'hls',
      offered: ['http-flv', 'hls'],
      obstacles: { hls: 'codec' },
      want: { id: 'http-flv', detour: { wanted: 'hls', why: 'codec' } },
    },
    {
      name: 'nothing plays here: the wanted one tells why',
      wanted: 'hls',
      offered: ['http-flv', 'hls'],
      obstacles: all,
      want: plain('hls'),
    },
    {
      name: 'nothing plays here, nothing wanted',
      offered: ['http-flv', 'hls'],
      obstacles: all,
      want: plain('http-flv'),
    },
    {
      name: 'not offered, and nothing plays here',
      wanted: 'dash',
      offered: ['hls'],
      obstacles: all,
      want: { id: 'hls', detour: { wanted: 'dash', why: 'not-offered' } },
    },
    {
      name: 'nothing offered',
      wanted: 'hls',
      offered: [],
      want: { id: undefined, detour: { wanted: 'hls', why: 'not-offered' } },
    },
  ];
  for (const { name, wanted, offered, obstacles = {}, want } of cases) {
    test(name, () =>
      assert.deepEqual(
        chooseTransport(wanted, offered, (id) => obstacles[id]),
        want,
      ),
    );
  }

  test('names that are no transport are nothing', () => {
    for (const id of TRANSPORTS) assert.equal(asTransport(id), id);
    for (const name of ['', 'flv', 'toString', null, undefined]) assert.equal(asTransport(name), undefined);
  });
});
