import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readMediaPlaylist, readPlaylist } from '../../../../../src/containers/m3u8/index.ts';
import { contextOf } from '../../../../../src/hub/viewer-context.ts';
import { readPlaylistQuery } from '../../../../../src/outputs/hls/serving/playlist-query.ts';
import { textOf } from '../../../../support/fake-live-playlist.ts';
import { ALL_OFF, setUpServing } from '../../../../support/hls-serving.ts';

const STATUSES = [302, 400, 403, 404, 503];
const PARAMETER = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('hls_ctx', '_HLS_msn', '_HLS_part', '_HLS_skip', '_HLS_report', 'vhost', 'token', ''),
      fc.oneof(
        fc.constantFrom('', 'YES', 'v2', '0', '1', '2', '3', '4', '99999', '-1', '1e3', 'abc'),
        fc.string({ maxLength: 80 }),
        fc.string({ unit: 'binary', maxLength: 20 }),
      ),
    )
    .map(([name, value]) => `${name}=${value}`),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const QUERY = fc.array(PARAMETER, { maxLength: 6 }).map((parameters) => parameters.join('&'));
const CAPS = { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false } as const;

for (const [title, options] of [
  ['with sessions', {}],
  ['without', ALL_OFF],
] as const) {
  test(`whatever the query, ${title}: a playlist that can be read, or a refusal`, async () => {
    await fc.assert(
      fc.asyncProperty(QUERY, fc.webUrl(), fc.boolean(), async (query, path, headOnly) => {
        const { get, clock, document, live, wheel } = setUpServing({ options, playlist: { partMs: 500 } });
        const answering = get(query, { path: path.slice(8), headOnly });
        await new Promise(setImmediate);
        clock.advance(6_500);
        const answer = await answering;
        assert.ok(answer !== undefined);
        if ('status' in answer) assert.ok(STATUSES.includes(answer.status));
        else readPlaylist(textOf(answer));
        assert.equal(document.waiting, 0);
        document.close();
        assert.deepEqual([live.listeners, wheel.size, document.viewers], [0, 0, 0]);
      }),
      CAPS,
    );
  });
}

test('a viewer’s own parameters come through the master playlist into the next request as they were', async () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.stringMatching(/^[A-Za-z0-9%._~-]{0,20}$/);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), async (pairs) => {
      const query = pairs.map(([key, text]) => `${key}=${text}`).join('&');
      const { get, document } = setUpServing();
      const master = readPlaylist(textOf(await get(query)));
      assert.ok(master.kind === 'master');
      const uri = master.playlist.variants[0]?.uri ?? '';
      const second = uri.slice(uri.indexOf('?') + 1);
      const read = readPlaylistQuery(second);
      assert.ok(typeof read !== 'string');
      assert.equal(read.rest, query);
      assert.equal(contextOf(second, 'hls_ctx'), read.context);
      const media = readMediaPlaylist(textOf(await get(second)));
      for (const segment of media.segments) assert.match(segment.uri, new RegExp(`hls_ctx=${read.context}$`));
      document.close();
    }),
    CAPS,
  );
});

test('the id in a URL is the same for playlists and for segments', () => {
  fc.assert(
    fc.property(QUERY, (query) => {
      const read = readPlaylistQuery(query);
      if (typeof read === 'string') return;
      assert.equal(contextOf(query, 'hls_ctx'), read.context);
    }),
    CAPS,
  );
});
