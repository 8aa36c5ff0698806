import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { SignJWT } from 'jose';
import { signUrl } from '../../src/server/sign-url.ts';
import { AccessStage, EVERY_KIND, ONE, refused, THREE, TWO, type PlayWish } from '../support/access-stage.ts';
import { answer, BackEnd, yes } from '../support/back-end.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import type { FedStream } from '../support/file-viewers.ts';

const SIGN_SECRET = 'the-secret-of-the-signed-urls-of-this-test';
const JWT_SECRET = 'the-secret-of-the-tokens-of-this-test';
const DENIED = 'NetStream.Publish.Denied';
const RTMP_KINDS = ['rtmp', 'rtmps'];
/** Bodies that the media on the air does not fit: who may play it hears so, and is no viewer. */
const isUnfit = (kind: string): boolean => kind.endsWith('mp3');
const FITTING = EVERY_KIND.filter((kind) => !isUnfit(kind));

const unixTime = (): number => Math.floor(Date.now() / 1_000);

/** The query of a signed URL. */
function signed(action: 'play' | 'publish', stream: string, seconds = 60): string {
  const url = `rtmp://127.0.0.1/live/${stream}`;
  // The vhosts of containers have their own names.
  const wish = { url, action, expires: unixTime() + seconds };
  const made = signUrl({ ...wish, vhost: '__defaultVhost__' }, SIGN_SECRET);
  return made.slice(made.indexOf('?') + 1);
}

function jwt(claims: object, seconds = 60): Promise<string> {
  return new SignJWT({ action: 'play', path: 'live/show', exp: unixTime() + seconds, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(JWT_SECRET));
}

suite('each rule over each transport', () => {
  let stage: AccessStage;
  let back: BackEnd;
  let fed: readonly FedStream[] = [];
  let certificate: TestCertificate;
  before(async () => {
    certificate = await makeCertificate();
    back = await BackEnd.start();
    stage = await AccessStage.start('', { certificate });
    fed = await stage.feedAll();
  });
  after(async () => {
    for (const one of fed) one.end();
    await stage.stop();
    await back.stop();
    await rm(dirname(certificate.key), { recursive: true, force: true });
  });

  /** What each kind says, without those that say what is wanted. */
  async function unlike(
    want: (kind: string) => string,
    ip: string,
    wish: (kind: string) => PlayWish | undefined = () => ({}),
  ): Promise<string[]> {
    const wrong: string[] = [];
    for (const kind of EVERY_KIND) {
      const wished = wish(kind);
      if (wished === undefined) continue;
      const got = await stage.play(kind, ip, wished);
      const wanted = want(kind);
      const isIn = wanted === 'in' && isUnfit(kind) && got.startsWith('not playable:');
      if (got !== wanted && !isIn) wrong.push(`${kind}: ${got}, not ${wanted}`);
    }
    stage.leave();
    return wrong;
  }
  const isIn = async (ip: string, wish?: (kind: string) => PlayWish | undefined): Promise<void> =>
    assert.deepEqual(await unlike(() => 'in', ip, wish), []);
  const isRefused = async (
    code: string,
    ip: string,
    wish?: (kind: string) => PlayWish | undefined,
  ): Promise<void> => assert.deepEqual(await unlike((kind) => refused(kind, code), ip, wish), []);
  const publishes = async (want: string, ip: string, stream: string): Promise<void> => {
    for (const kind of RTMP_KINDS) {
      assert.equal(await stage.publish(ip, stream, undefined, kind), want, kind);
      stage.leave();
      await eventually(() => stage.server.server.hub.find(nameOf(stream)) === undefined, 'no publisher');
    }
  };

  test('without rules everybody plays and publishes', async () => {
    assert.equal(EVERY_KIND.length, 28);
    await isIn(ONE);
    for (const kind of RTMP_KINDS) assert.equal(await stage.publish(ONE, kind, undefined, kind), 'in');
    stage.leave();
  });

  test('security', async () => {
    await stage.reload(`security { enabled on; allow play all; deny play ${TWO}; allow publish ${ONE}; }`);
    await isRefused('SECURITY_DENIED', TWO);
    await isIn(ONE);
    for (const kind of RTMP_KINDS) {
      assert.equal(await stage.publish(ONE, kind, undefined, kind), 'in');
      assert.equal(await stage.publish(TWO, kind, undefined, kind), DENIED);
    }
    await stage.reload('security { enabled on; allow publish all; allow play 127.0.0.2/31; }');
    await isRefused('SECURITY_NOT_ALLOWED', ONE);
    await isIn(THREE);
    await stage.reload('security { enabled on; }');
    await isRefused('SECURITY_DEFAULT', ONE);
    for (const kind of RTMP_KINDS)
      assert.equal(await stage.publish(ONE, `${kind}-2`, undefined, kind), DENIED);
  });

  test('security: who is behind no trusted proxy is judged by its own address, whatever it says', async () => {
    await stage.reload(`security { enabled on; allow play all; deny play ${TWO}; }`);
    const says = (ip: string): Record<string, string> => ({
      'x-forwarded-for': ip,
      'x-real-ip': ip,
      forwarded: `for=${ip}`,
    });
    await isRefused('SECURITY_DENIED', TWO, () => ({ headers: says(ONE) }));
    await isIn(ONE, () => ({ headers: says(TWO) }));
  });

  test('a deny that comes with a reload ends nobody; whoever comes is refused', async () => {
    await stage.reload('');
    for (const kind of FITTING) assert.equal(await stage.play(kind, TWO), 'in');
    assert.equal(await stage.publish(TWO, 'theirs'), 'in');
    const there = stage.presence.of(TWO);
    await stage.reload(`security { enabled on; allow play ${ONE}; deny publish ${TWO}; }`);
    assert.equal(await stage.publish(TWO, 'mine'), DENIED);
    await eventually(() => stage.presence.of(TWO) === there, 'the same sessions');
    assert.deepEqual(
      stage.entered.filter((viewer) => viewer.closed() && !viewer.over()),
      [],
    );
    await isRefused('SECURITY_NOT_ALLOWED', TWO);
  });

  test('refer', async () => {
    const from = (referer: string) => (): PlayWish => ({ headers: { referer } });
    // All that a page tells with a WebSocket.
    const origin =
      (text: string) =>
      (kind: string): PlayWish | undefined =>
        kind.startsWith('rtmp') ? undefined : { headers: { origin: text } };
    await stage.reload('refer { enabled on; play example.com; publish studio.test; }');
    await isRefused('REFER_DENIED', ONE);
    await isRefused('REFER_DENIED', ONE, from('http://evil-example.com/'));
    await isIn(ONE, from('https://www.example.com/page'));
    await isRefused('REFER_DENIED', ONE, origin('https://example.org'));
    await isRefused('REFER_DENIED', ONE, origin('null'));
    await isIn(ONE, origin('https://example.com'));
    for (const kind of RTMP_KINDS) {
      assert.equal(await stage.publish(ONE, kind, 'http://example.com/', kind), DENIED);
      assert.equal(await stage.publish(ONE, kind, 'http://studio.test/', kind), 'in');
    }
    await stage.reload('refer { enabled on; all example.com; }');
    const code = (kind: string): string => (kind.startsWith('rtmp') ? 'connect refused' : 'REFER_DENIED');
    assert.deepEqual(await unlike(code, ONE, from('http://example.org/')), []);
    await isIn(ONE, from('http://example.com/'));
  });

  test('limits', async () => {
    // Viewers of files stay for some time after their last request: each kind has an address of its own.
    await stage.reload('limits { max_clients_per_ip 1; }');
    const wrong: string[] = [];
    for (const [index, kind] of FITTING.entries()) {
      const ip = `127.0.1.${index + 1}`;
      const answers = [await stage.play(kind, ip), await stage.play(kind, ip)];
      stage.leave();
      const want = ['in', refused(kind, 'LIMIT_EXCEEDED')];
      if (answers.join() !== want.join()) wrong.push(`${kind}: ${answers.join(', ')}`);
    }
    assert.deepEqual(wrong, []);
    for (const kind of RTMP_KINDS) {
      const ip = `127.0.2.${kind.length}`;
      assert.equal(await stage.publish(ip, `${kind}-1`, undefined, kind), 'in');
      assert.equal(await stage.publish(ip, `${kind}-2`, undefined, kind), DENIED);
    }
  });

  test('bans refuse who comes', async () => {
    await stage.reload('');
    const ban = async (wish: object): Promise<() => Promise<unknown>> => {
      const { id } = (await stage.api('bans/', 'POST', wish))['ban'] as { id: string };
      return () => stage.api(`bans/${id}`, 'DELETE');
    };
    let lift = await ban({ ip: '127.0.0.2/32', action: 'play', seconds: 600 });
    await isRefused('BANNED', TWO);
    await isIn(ONE);
    assert.equal(await stage.publish(TWO, 'mine', undefined, 'rtmps'), 'in');
    await lift();
    await isIn(TWO);
    lift = await ban({ stream: 'live/show', action: 'play' });
    assert.equal(await stage.play('rtmps', ONE), refused('rtmps', 'BANNED'));
    for (const kind of ['https-flv', 'h2-flv', 'wss-flv', 'https-hls', 'h2-dash'])
      assert.equal(await stage.play(kind, ONE), 'BANNED', kind);
    await lift();
    lift = await ban({ ip: TWO });
    for (const kind of RTMP_KINDS)
      assert.equal(await stage.publish(TWO, 'mine', undefined, kind), 'connect refused');
    await lift();
  });

  test('a ban ends who is there, each once, and nobody else', async () => {
    await stage.reload('');
    for (const ip of [TWO, THREE])
      for (const kind of FITTING) assert.equal(await stage.play(kind, ip), 'in', kind);
    for (const kind of RTMP_KINDS) assert.equal(await stage.publish(TWO, kind, undefined, kind), 'in');
    const all = FITTING.length;
    await eventually(() => stage.presence.of(TWO) >= all + 2 && stage.presence.of(THREE) >= all, 'viewers');
    const three = stage.presence.of(THREE);
    const two = stage.presence.of(TWO);
    const { ban, kicked } = await stage.api('bans/', 'POST', { ip: TWO, seconds: 60 });
    assert.equal(kicked, two);
    await eventually(() => stage.presence.of(TWO) === 0, 'their ends');
    assert.equal(stage.presence.of(THREE), three);
    stage.leave();
    await stage.api(`bans/${(ban as { id: string }).id}`, 'DELETE');
  });

  test('signed URLs', async () => {
    await stage.reload(`access { publish signed; play signed; sign_key k1 ${SIGN_SECRET}; }`);
    const here = (kind: string): boolean => !/(?:ts|aac|mp3)$/.test(kind);
    const query =
      (text: string) =>
      (kind: string): PlayWish | undefined =>
        here(kind) ? { query: `${text}&n=${kind}` } : undefined;
    await isRefused('TOKEN_MISSING', ONE);
    await isIn(ONE, query(signed('play', 'show')));
    await isRefused('TOKEN_INVALID', ONE, query(signed('play', 'other')));
    await isRefused('TOKEN_INVALID', ONE, query(signed('publish', 'show')));
    await isRefused('TOKEN_INVALID', ONE, query(`${signed('play', 'show').slice(0, -2)}AA`));
    await isRefused('TOKEN_EXPIRED', ONE, query(signed('play', 'show', -60)));
    // What is good in one vhost is good in no other.
    await isRefused('TOKEN_INVALID', ONE, (kind) =>
      here(kind) ? undefined : { query: signed('play', 'show') },
    );
    await publishes(DENIED, ONE, 'a');
    await publishes('in', ONE, `a?${signed('publish', 'a')}`);
    await publishes(DENIED, ONE, `b?${signed('publish', 'a')}`);
  });

  test('JWT, in the query or a header', async () => {
    await stage.reload(`access { publish jwt; play jwt; jwt_secret j1 ${JWT_SECRET}; }`);
    const tokens: [want: string, token: string][] = [
      ['in', await jwt({})],
      ['TOKEN_INVALID', await jwt({ path: 'live/other' })],
      ['TOKEN_INVALID', await jwt({ action: 'publish' })],
      ['TOKEN_INVALID', `${(await jwt({})).slice(0, -2)}AA`],
      ['TOKEN_EXPIRED', await jwt({}, -60)],
    ];
    for (const [want, token] of tokens) {
      const check = want === 'in' ? isIn : isRefused.bind(undefined, want);
      await check(ONE, (kind) => ({ query: `token=${token}&n=${kind}` }));
      const headers = { authorization: `Bearer ${token}` };
      await check(ONE, (kind) => (kind.startsWith('rtmp') ? undefined : { headers }));
    }
    await publishes(DENIED, ONE, 'a');
    await publishes('in', ONE, `a?token=${await jwt({ action: 'publish', path: 'live/a' })}`);
  });

  test('a back end that says no', async () => {
    await stage.reload(
      `http_hooks { enabled on; on_play ${back.url('/play')}; on_publish ${back.url('/publish')}; }`,
    );
    back.answer = answer(200, '{"code":7}');
    await isRefused('HOOK_REFUSED', ONE, (kind) => ({ query: `n=no-${kind}` }));
    await publishes(DENIED, ONE, 'a');
    back.answer = yes;
    await isIn(ONE, (kind) => ({ query: `n=yes-${kind}` }));
    await publishes('in', ONE, 'a');
    assert.equal(
      back.calls.filter(({ body }) => String(body['param']).includes('n=no-')).length,
      EVERY_KIND.length,
    );
  });
});

function nameOf(stream: string): { vhost: string; app: string; stream: string } {
  return { vhost: '__defaultVhost__', app: 'live', stream: stream.replace(/\?.*/, '') };
}

test('a granted time ends as the transport ends a body', async (context) => {
  const certificate = await makeCertificate();
  const stage = await AccessStage.of(context, '', {
    certificate,
    policy: {
      check: ({ action }) => Promise.resolve(action === 'play' ? { durationMs: 500 } : undefined),
    },
  });
  const fed = await stage.feedAll();
  const bodies = FITTING.filter((kind) => !/hls|dash/.test(kind));
  for (const kind of bodies) assert.equal(await stage.play(kind, ONE), 'in', kind);
  await eventually(() => stage.entered.every((viewer) => viewer.closed()), 'their ends', 10_000);
  assert.deepEqual(
    bodies.filter((_kind, index) => stage.entered[index]?.over() !== true),
    [],
    'cut off',
  );
  for (const one of fed) one.end();
  await rm(dirname(certificate.key), { recursive: true, force: true });
});

for (const ctx of ['on', 'off'])
  test(`hls_ctx ${ctx}: a page that may opens nothing for another page of the same browser`, async (context) => {
    const rules = 'refer { enabled on; play example.com; }';
    const stage = await AccessStage.of(context, '', { hls: `hls_ctx ${ctx};` });
    const fed = await stage.feedAll();
    await stage.reload(rules);
    const ask = (kind: string, referer: string): Promise<string> =>
      stage.play(kind, ONE, { query: 'same', headers: { referer, 'user-agent': 'Browser/1.0' } });
    for (const kind of ['hls', 'dash'])
      for (const round of [1, 2]) {
        assert.equal(await ask(kind, 'http://example.com/'), 'in', `${kind} ${round}`);
        assert.equal(await ask(kind, 'http://evil.example/'), 'REFER_DENIED', `${kind} ${round}`);
      }
    for (const one of fed) one.end();
  });
