import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatRoute, parseRoute } from '../../../console/src/model/route.ts';
import { TRANSPORTS } from '../../../console/src/model/transport.ts';

suite('the hash that names a stream', () => {
  const vhost = '__defaultVhost__';
  const cases = [
    { hash: '#/live/demo', want: { vhost, app: 'live', stream: 'demo' } },
    { hash: '#/live/demo?vhost=a.example', want: { vhost: 'a.example', app: 'live', stream: 'demo' } },
    { hash: '#/a/b/c', want: { vhost, app: 'a/b', stream: 'c' } },
    { hash: '#/live/x%20y', want: { vhost, app: 'live', stream: 'x y' } },
    { hash: '#/live/demo?by=ll-hls', want: { vhost, app: 'live', stream: 'demo', by: 'll-hls' } },
    { hash: '#/live/demo?vhost=v&by=dash', want: { vhost: 'v', app: 'live', stream: 'demo', by: 'dash' } },
    { hash: '#/live/demo?by=carrier-pigeon', want: { vhost, app: 'live', stream: 'demo' } },
    { hash: '', want: undefined },
    { hash: '#player', want: undefined },
    { hash: '#/live', want: undefined },
    { hash: '#/live/', want: undefined },
    { hash: '#/live/%', want: undefined },
  ];
  for (const { hash, want } of cases) {
    test(JSON.stringify(hash), () => assert.deepEqual(parseRoute(hash), want));
  }

  test('what is written is read again', () => {
    const name = fc.string({ minLength: 1, unit: 'grapheme' });
    const app = fc
      .array(name, { minLength: 1, maxLength: 3 })
      .map((parts) => parts.map((part) => part.replaceAll('/', '_')).join('/'));
    const route = fc.record(
      { vhost: name, app, stream: name, by: fc.constantFrom(...TRANSPORTS) },
      { requiredKeys: ['vhost', 'app', 'stream'], noNullPrototype: true },
    );
    fc.assert(fc.property(route, (one) => assert.deepEqual(parseRoute(formatRoute(one)), one)));
  });
});
