import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_RAW_PORTS, MAX_RAW_VALUE, rawUpdateOf } from '../../../../src/control/raw/raw-rules.ts';

const set = (directive: string, ...words: string[]): object => ({ kind: 'set', directive, words });

/** A query, and what it asks for or the number of its error. */
const CASES: readonly (readonly [query: string, want: object | 1062 | 1063])[] = [
  ['scope=listen&value=1935', set('listen', '1935')],
  ['scope=listen&value=1935,1936', set('listen', '1935', '1936')],
  ['scope=listen&value=3,65534', set('listen', '3', '65534')],
  ['scope=listen&value=2', 1063],
  ['scope=listen&value=65535', 1063],
  ['scope=listen&value=1935,', 1063],
  ['scope=listen&value=1935, 1936', 1063],
  ['scope=listen&value=0x78f', 1063],
  ['scope=listen&value=127.0.0.1:1935', 1063],
  [`scope=listen&value=${Array.from({ length: MAX_RAW_PORTS + 1 }, (_, i) => 2000 + i).join(',')}`, 1063],
  ['scope=listen&value=', 1063],
  ['scope=listen', 1063],
  ['scope=pid&value=./objs/x.pid', set('pid', './objs/x.pid')],
  ['scope=pid&value=/tmp/x.pid', set('pid', '/tmp/x.pid')],
  ['scope=pid&value=/var/run/a b.pid', set('pid', '/var/run/a b.pid')],
  ['scope=pid&value=/etc/x.pid', 1063],
  ['scope=pid&value=x.pid', 1063],
  ['scope=pid&value=./x.txt', 1063],
  ['scope=pid&value=/tmp/../etc/x.pid', 1063],
  ['scope=pid&value=./../../etc/x.pid', 1063],
  ['scope=pid&value=/tmp/a%00.pid', 1063],
  ['scope=pid&value=/tmp/a%0a.pid', 1063],
  ['scope=chunk_size&value=128', set('chunk_size', '128')],
  ['scope=chunk_size&value=065535', set('chunk_size', '65535')],
  ['scope=chunk_size&value=127', 1063],
  ['scope=chunk_size&value=65536', 1063],
  ['scope=chunk_size&value=1e3', 1063],
  ['scope=ff_log_dir&value=/dev/null', set('ff_log_dir', '/dev/null')],
  ['scope=ff_log_dir&value=./logs', set('ff_log_dir', './logs')],
  ['scope=ff_log_dir&value=/var/log', set('ff_log_dir', '/var/log')],
  ['scope=ff_log_dir&value=/dev/zero', 1063],
  ['scope=srs_log_tank&value=file', set('srs_log_tank', 'file')],
  ['scope=srs_log_tank&value=console', set('srs_log_tank', 'console')],
  ['scope=srs_log_tank&value=both', 1063],
  ...['verbose', 'info', 'trace', 'warn', 'error'].map(
    (level) => [`scope=srs_log_level&value=${level}`, set('srs_log_level', level)] as const,
  ),
  ['scope=srs_log_level&value=debug', 1063],
  ['scope=srs_log_file&value=./x.log', set('srs_log_file', './x.log')],
  ['scope=srs_log_file&value=/tmp/x.txt', 1063],
  ['scope=srs_log_file&value=/root/x.log', 1063],
  ['scope=max_connections&value=10', set('max_connections', '10')],
  ['scope=max_connections&value=65535', set('max_connections', '65535')],
  ['scope=max_connections&value=9', 1063],
  ['scope=max_connections&value=65536', 1063],
  ['scope=max_connections&value=-10', 1063],
  ['scope=utc_time&value=true', set('utc_time', 'on')],
  ['scope=utc_time&value=false', set('utc_time', 'off')],
  ['scope=utc_time&value=on', 1063],
  ['scope=pithy_print_ms&value=100', set('pithy_print_ms', '100')],
  ['scope=pithy_print_ms&value=300000', set('pithy_print_ms', '300000')],
  ['scope=pithy_print_ms&value=99', 1063],
  ['scope=pithy_print_ms&value=300001', 1063],
  ['scope=vhost&value=a&param=create', { kind: 'vhost', action: 'create', name: 'a' }],
  ['scope=vhost&value=a.b-c&param=delete', { kind: 'vhost', action: 'delete', name: 'a.b-c' }],
  ['scope=vhost&value=a&param=enable', { kind: 'vhost', action: 'enable', name: 'a' }],
  ['scope=vhost&value=a&param=disable', { kind: 'vhost', action: 'disable', name: 'a' }],
  ['scope=vhost&value=a&param=update&data=b', { kind: 'vhost', action: 'update', name: 'a', newName: 'b' }],
  ['scope=vhost&value=a&param=update', 1063],
  ['scope=vhost&value=a&param=update&data=b c', 1063],
  ['scope=vhost&value=a;listen&param=create', 1063],
  ['scope=vhost&value=a{&param=create', 1063],
  ['scope=vhost&value=%22a%22&param=create', 1063],
  ['scope=vhost&value=%23a&param=create', 1063],
  ['scope=vhost&param=create', 1063],
  ['scope=vhost&value=a', 1062],
  ['scope=vhost&value=a&param=rename', 1062],
  [
    'scope=dvr&value=a&param=enable&data=live/x',
    { kind: 'dvr', action: 'enable', vhost: 'a', stream: 'live/x' },
  ],
  [
    'scope=dvr&value=a&param=disable&data=live/inst/x',
    { kind: 'dvr', action: 'disable', vhost: 'a', stream: 'live/inst/x' },
  ],
  ['scope=dvr&value=a&param=enable&data=x', 1063],
  ['scope=dvr&value=a&param=enable&data=/x', 1063],
  ['scope=dvr&value=a&param=enable&data=live/x y', 1063],
  ['scope=dvr&value=a&param=enable', 1063],
  ['scope=dvr&value=a&param=toggle&data=live/x', 1062],
  ['scope=hls&value=a', 1062],
  ['scope=__proto__&value=a', 1062],
  ['scope=constructor&value=a', 1062],
  ['value=1', 1062],
  [`scope=pid&value=./${'a'.repeat(MAX_RAW_VALUE)}.pid`, 1063],
];

suite('what an update asks for', () => {
  for (const [query, want] of CASES)
    test(query.slice(0, 80), () => {
      const asked = Object.fromEntries(new URLSearchParams(query));
      if (typeof want === 'number')
        assert.throws(() => rawUpdateOf(asked), { name: 'ServerError', apiCode: want });
      else assert.deepEqual(rawUpdateOf(asked), want);
    });

  test('a parameter that is there twice', () => {
    assert.throws(() => rawUpdateOf({ scope: 'listen', value: ['1', '2'] }), { apiCode: 1063 });
  });
});
