import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createHooksServer } from '../../../examples/hooks-server/server.ts';
import { signedQuery } from '../../../examples/hooks-server/signed-url.ts';
import { signatureOf } from '../../../src/control/access/tokens/signature.ts';

const SECRET = 'hooks-secret';
const NOW = 1_700_000_000_000;

function create(): FastifyInstance {
  return createHooksServer({
    hooksSecret: SECRET,
    signKey: { name: 'web', secret: 'sign-secret-of-some-length' },
    streamKeys: new Map([['k3y', 'show']]),
    rtmpUrl: 'rtmp://r',
    httpUrl: 'http://h',
    now: () => NOW,
  });
}

interface Change {
  readonly id?: string;
  readonly seconds?: number;
  readonly secret?: string;
}

async function call(
  app: FastifyInstance,
  body: Record<string, unknown>,
  change: Change = {},
): Promise<[number, unknown]> {
  const { id = crypto.randomUUID(), seconds = NOW / 1000, secret = SECRET } = change;
  const payload = JSON.stringify(body);
  const sign = createHmac('sha256', secret).update(`${seconds}.${id}.1.${payload}`).digest('hex');
  const answer = await app.inject({
    method: 'POST',
    url: '/hooks',
    payload,
    headers: {
      'content-type': 'application/json',
      'x-srs-event-id': id,
      'x-srs-sequence': '1',
      'x-srs-timestamp': String(seconds),
      'x-srs-signature': `sha256=${sign}`,
    },
  });
  return [answer.statusCode, answer.body === '' ? undefined : JSON.parse(answer.body)];
}

const body = (action: string, stream: string): Record<string, unknown> => ({
  action,
  client_id: 'c1',
  ip: '192.0.2.1',
  vhost: 'v',
  app: 'live',
  stream,
});

interface Shown {
  readonly open: readonly Record<string, string>[];
  readonly ended: readonly Record<string, string>[];
}

async function shown(app: FastifyInstance): Promise<Shown> {
  return JSON.parse((await app.inject('/sessions.json')).body) as Shown;
}

suite('the sample back end', () => {
  test('gives publishers with a key the public name, and keeps book without the key', async () => {
    const app = create();
    assert.deepEqual(await call(app, body('on_publish', 'k3y')), [
      200,
      { code: 0, data: { stream: 'show' } },
    ]);
    assert.deepEqual(await call(app, body('on_publish', 'show')), [200, { code: 403 }]);
    const { open } = await shown(app);
    assert.deepEqual(
      open.map(({ role, stream, ip }) => [role, stream, ip]),
      [['publisher', 'v/live/show', '192.0.2.1']],
    );
    await call(app, { ...body('on_unpublish', 'show'), reason: 'server_crash' });
    const after = await shown(app);
    assert.deepEqual([after.open.length, after.ended[0]?.['reason']], [0, 'server_crash']);
  });

  test('believes nobody but its server, and no call of long ago', async () => {
    const app = create();
    const event = body('on_play', 'show');
    assert.equal((await call(app, event, { secret: 'another' }))[0], 401);
    assert.equal((await call(app, event, { seconds: NOW / 1000 - 301 }))[0], 401);
    assert.equal((await call(app, event, { seconds: NOW / 1000 + 301 }))[0], 401);
    const plain = await app.inject({ method: 'POST', url: '/hooks', payload: event });
    assert.equal(plain.statusCode, 401);
    assert.equal((await app.inject('/segments/live/show/1.ts')).statusCode, 401);
    assert.deepEqual((await shown(app)).open, []);
    assert.equal((await call(app, event))[0], 200);
  });

  test('takes a call that comes twice once', async () => {
    const app = create();
    for (const id of ['1', '1']) await call(app, body('on_play', 'show'), { id });
    for (const id of ['2', '2']) await call(app, body('on_stop', 'show'), { id });
    await call(app, body('on_play', 'show'), { id: '1' });
    const { open, ended } = await shown(app);
    assert.deepEqual([open.length, ended.length], [0, 1]);
  });

  test('signs URLs as the server checks them', async () => {
    const wish = {
      action: 'play',
      vhost: 'v',
      app: 'live',
      stream: 'show',
      expires: 1_700_000_060,
      ip: '192.0.2.1',
    } as const;
    const query = new URLSearchParams(signedQuery(wish, { name: 'web', secret: 'secret' }));
    assert.equal(query.get('sign'), signatureOf({ ...wish, expires: '1700000060' }, 'secret'));
    assert.equal(query.get('ip'), '192.0.2.1');
    const app = create();
    const ask = (payload: object): Promise<{ statusCode: number; body: string }> =>
      app.inject({ method: 'POST', url: '/signed-urls', payload });
    const answer = await ask({ action: 'play', stream: 'show', seconds: 60 });
    const { urls } = JSON.parse(answer.body) as { urls: string[] };
    assert.deepEqual(
      urls.map((url) => url.split('?')[0]),
      ['rtmp://r/live/show', 'http://h/live/show.flv', 'http://h/live/show.m3u8'],
    );
    assert.match(urls[0] ?? '', /expires=1700000060&kid=web&sign=[\w-]{43}$/);
    for (const wrong of [
      { action: 'play', stream: '../x', seconds: 60 },
      { action: 'stop', stream: 'x', seconds: 60 },
      { action: 'play', stream: 'x', seconds: 0 },
      [],
    ])
      assert.equal((await ask(wrong)).statusCode, 400);
    assert.match((await app.inject('/')).body, /<title>Sessions/);
  });
});
