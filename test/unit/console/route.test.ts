import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatRoute, parseRoute } from '../../../console/src/model/route.ts';

suite('the hash that names a stream', () => {
  const vhost = '__defaultVhost__';
  const cases = [
    { hash: '#/live/demo', want: { vhost, app: 'live', stream: 'demo' } },
    { hash: '#/live/demo?vhost=a.example', want: { vhost: 'a.example', app: 'live', stream: 'demo' } },
    { hash: '#/a/b/c', want: { vhost, app: 'a/b', stream: 'c' } },
    { hash: '#/live/x%20y', want: { vhost, app: 'live', stream: 'x y' } },
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
    fc.assert(
      fc.property(name, fc.array(name, { minLength: 1, maxLength: 3 }), name, (vhost, app, stream) => {
        const route = { vhost, app: app.map((part) => part.replaceAll('/', '_')).join('/'), stream };
        assert.deepEqual(parseRoute(formatRoute(route)), route);
      }),
    );
  });
});
