import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig, type Config } from '../../../src/config/index.ts';
import type { Row, Rows } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';
import { rtmpVhosts, streamOptions } from '../../../src/server/vhost-options.ts';
import { VhostTable } from '../../../src/server/vhost-table.ts';

const load = (vhost: string): Config => parseConfig(`listen 1935; vhost v { ${vhost} }`, 'x').config;

/** What the hub and RTMP sessions are told of a vhost with these directives. */
function told(vhost: string): { readonly stream: object; readonly rtmp: object | undefined } {
  const config = load(vhost);
  const [only] = config.vhosts;
  assert.ok(only);
  return { stream: streamOptions(only), rtmp: rtmpVhosts(new VhostTable(() => config)).find('v') };
}

/** Another value than the default. */
function another(row: Row): string {
  switch (row.type) {
    case 'flag':
      return row.default ? 'off' : 'on';
    case 'int':
      return String(row.default + 1);
    case 'float':
      return String(row.default + 0.5);
    case 'duration':
      return `${row.default + 1}ms`;
    case 'bytes':
      return String(typeof row.default === 'number' ? row.default + 1 : 4321);
    case 'enum':
      return row.values.find((value) => value !== row.default) ?? '';
    case 'text':
    case 'list':
    case 'lists':
    case 'listen':
    case 'listens':
    case 'block':
    case 'blocks':
    case 'free':
      throw new RangeError(`${row.type}: no sample`);
    default:
      return row satisfies never;
  }
}

function rowsOf(block: string): Rows {
  const vhost: Row = ROOT.vhost;
  assert.ok('rows' in vhost);
  if (block === '') return vhost.rows;
  const inner = vhost.rows[block];
  assert.ok(inner !== undefined && 'rows' in inner);
  return inner.rows;
}

suite('what a vhost says reaches streams and sessions', () => {
  test('each option has the value of its directive', () => {
    const { stream, rtmp } =
      told(`min_latency on; tcp_nodelay off; chunk_size 4001; in_ack_size 4002; out_ack_size 4003;
      play { gop_cache off; gop_cache_max_frames 41; queue_length 42ms; queue_max_size 70001; send_timeout 43ms;
        time_jitter zero; atc on; atc_auto on; mix_correct on; reduce_sequence_header on; mw_latency 44ms;
        mw_adaptive off; send_min_interval 45ms; }
      publish { mr_latency 46ms; firstpkt_timeout 47ms; normal_timeout 48ms; parse_sps off; hold_time 49ms; }
      http_remux { enabled on; fast_cache 50ms; }`);
    assert.deepEqual(stream, {
      gopCache: false,
      gopCacheMaxFrames: 41,
      queueLengthMs: 42,
      queueMaxBytes: 70_001,
      sendTimeoutMs: 43,
      timeJitter: 'zero',
      atc: true,
      atcAuto: true,
      mixCorrect: true,
      reduceSequenceHeader: true,
      mwLatencyMs: 44,
      mwAdaptive: false,
      minLatency: true,
      sendMinIntervalMs: 45,
      holdMs: 49,
      parseSps: false,
      soundCacheMs: 50,
    });
    assert.deepEqual(rtmp, {
      name: 'v',
      chunkSizeBytes: 4001,
      tcpNoDelay: false,
      minLatency: true,
      inAckSizeBytes: 4002,
      outAckSizeBytes: 4003,
      mergedReadMs: 46,
      firstPacketTimeoutMs: 47,
      silenceTimeoutMs: 48,
    });
  });

  const defaults = told('');
  for (const block of ['', 'play', 'publish']) {
    for (const [name, row] of Object.entries(rowsOf(block))) {
      // `enabled` decides whether the vhost is served at all.
      if (row.feature !== undefined || 'rows' in row || (block === '' && name === 'enabled')) continue;
      test(`${[block, name].join(' ').trim()}: makes a difference`, () => {
        const line = `${name} ${another(row)};`;
        assert.notDeepEqual(told(block === '' ? line : `${block} { ${line} }`), defaults);
      });
    }
  }
});
