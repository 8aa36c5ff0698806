import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { FlvReader } from '../../src/containers/flv/index.ts';
import type { StreamObserver } from '../../src/hub/ports.ts';
import { MESSAGE_TYPE } from '../../src/protocols/rtmp/index.ts';
import { eventually } from '../support/eventually.ts';
import { audioConfig, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { ReloadServer } from '../support/reload-server.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';

/** Another seed is another sequence of reloads: `RELOAD_SEED=7 node …`. */
const SEED = Number(process.env['RELOAD_SEED'] ?? 1);
const RELOADS = 100;
const VIEWERS_OF_A_KIND = 100;
const PICTURES_A_STEP = 4;
const WATCHED = 'watched.example';

/** What a file says besides the vhost that is watched. */
interface Step {
  readonly rtmp: readonly number[];
  readonly http: number;
  readonly api: number | undefined;
  readonly crossdomain: boolean;
  readonly top: readonly string[];
  readonly vhosts: readonly Other[];
  /** A file that cannot be used, or one that asks for a port that is taken. */
  readonly trouble: 'none' | 'syntax' | 'taken';
}

interface Other {
  readonly name: string;
  readonly options: readonly string[];
  readonly ingests: readonly number[];
}

const host = fc.integer({ min: 1, max: 4 });
const TOP = [
  'max_connections 900;',
  'max_connections 1100;',
  'chunk_size 4096;',
  'rtmp_handshake_timeout 3s;',
  'empty_ip_ok off;',
  'pithy_print_ms 20s;',
];
const OPTIONS = [
  'enabled off;',
  'min_latency on;',
  'tcp_nodelay off;',
  'chunk_size 1000;',
  'in_ack_size 1000;',
  'play { gop_cache off; queue_length 5s; }',
  'play { mw_latency 100ms; mw_adaptive off; time_jitter zero; }',
  'play { send_min_interval 5ms; atc on; }',
  'publish { normal_timeout 1s; firstpkt_timeout 1s; hold_time 0; }',
  'http_remux { enabled on; }',
  'http_remux { enabled on; mount /[vhost]/[app]/[stream].flv; }',
];

const step: fc.Arbitrary<Step> = fc.record({
  rtmp: fc.uniqueArray(host, { minLength: 1, maxLength: 4 }),
  http: host,
  api: fc.option(host, { nil: undefined }),
  crossdomain: fc.boolean(),
  top: fc.uniqueArray(fc.constantFrom(...TOP), { maxLength: 3, selector: (line) => line.split(' ')[0] }),
  vhosts: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('__defaultVhost__', 'b.example', 'c.example', 'd.example'),
      options: fc.uniqueArray(fc.constantFrom(...OPTIONS), {
        maxLength: 3,
        selector: (line) => line.split(' ')[0],
      }),
      ingests: fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    }),
    { maxLength: 4, selector: ({ name }) => name },
  ),
  trouble: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'syntax', 'taken'),
});

function textOf({ rtmp, http, api, crossdomain, top, vhosts, trouble }: Step, takenPort: number): string {
  const others = vhosts.map(({ name, options, ingests }) => {
    const blocks = ingests.map(
      (id) => `ingest i${id} { enabled on; input { url media/demo.flv; }
        engine { output rtmp://127.0.0.1:[port]/live/in${id}?vhost=[vhost]; } }`,
    );
    return `vhost ${name} { ${options.join(' ')} ${blocks.join(' ')} }`;
  });
  const listen = rtmp.map((number) => `127.0.0.${number}:0`);
  if (trouble === 'taken') listen.push(`127.0.0.1:${takenPort}`);
  const cors = crossdomain ? 'on' : 'off';
  // The watched vhost stands among the others: its place in the file changes too.
  others.splice(
    others.length >> 1,
    0,
    `vhost ${WATCHED} { chunk_size 60000; publish { normal_timeout 10m; } http_remux { enabled on; } }`,
  );
  return `listen ${listen.join(' ')};
    ${top.some((line) => line.startsWith('max_connections')) ? '' : 'max_connections 1000;'} ${top.join(' ')}
    http_server { enabled on; listen 127.0.0.${http}:0; crossdomain ${cors}; }
    http_api { enabled ${api === undefined ? 'off' : 'on'}; listen 127.0.0.${api ?? 1}:0; crossdomain ${cors}; }
    ${others.join('\n')}
    ${trouble === 'syntax' ? 'vhost broken { play { gop_cache 1 2 3; }' : ''}`;
}

/** Counts pictures, which carry their number. */
class Viewer {
  readonly kind: string;
  /** The number that the next picture must have. */
  next = 0;
  problem: string | undefined;
  leave: () => void = () => undefined;

  constructor(kind: string) {
    this.kind = kind;
  }

  static async rtmp(port: number): Promise<Viewer> {
    const viewer = new Viewer('RTMP');
    const peer = await RtmpPeer.play(port, 'show', { tcHost: WATCHED });
    peer.onMedia = ({ typeId, payload }) => viewer.#see(typeId, payload);
    peer.socket.once('close', () => viewer.#fail('the connection was closed'));
    viewer.leave = () => {
      peer.socket.removeAllListeners('close');
      peer.destroy();
    };
    return viewer;
  }

  static async http(port: number): Promise<Viewer> {
    const viewer = new Viewer('HTTP-FLV');
    const headers = { host: WATCHED };
    const request = get({ port, host: '127.0.0.1', path: '/live/show.flv', agent: false, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 200);
    const reader = new FlvReader();
    response.on('data', (bytes: Buffer) => {
      for (const { typeId, body } of reader.push(bytes)) viewer.#see(typeId, body);
    });
    response.on('error', () => undefined);
    const onClose = (): void => viewer.#fail('the connection was closed');
    response.once('close', onClose);
    viewer.leave = () => {
      response.off('close', onClose);
      response.destroy();
    };
    return viewer;
  }

  #see(typeId: number, body: Buffer): void {
    if (typeId !== MESSAGE_TYPE.VIDEO || body[1] !== 1) return; // A configuration.
    const number = body.readUInt32BE(body.length - 4);
    if (number !== this.next) this.#fail(`picture ${number} came after ${this.next - 1}`);
    this.next = number + 1;
  }

  #fail(what: string): void {
    this.problem ??= `${this.kind}: ${what}, after ${this.next} pictures`;
  }
}

function picture(number: number): Buffer {
  const body = Buffer.from(videoFrame(number * 20, number % 25 === 0, 0, 200).flvBody);
  body.writeUInt32BE(number, body.length - 4);
  return body;
}

test(`a publisher and ${2 * VIEWERS_OF_A_KIND} viewers notice nothing of ${RELOADS} random reloads (seed ${SEED})`, async (t) => {
  const steps = fc.sample(step, { seed: SEED, numRuns: RELOADS });
  const events: string[] = [];
  const ofWatched =
    (what: string) =>
    ({ vhost }: { readonly vhost: string }): void => {
      if (vhost === WATCHED) events.push(what);
    };
  const observer: StreamObserver = {
    publishStarted: ofWatched('publish'),
    publishEnded: ofWatched('publish ended'),
    playStarted: ofWatched('play'),
    playEnded: ofWatched('play ended'),
  };
  const calm: Step = { rtmp: [1], http: 1, api: 1, crossdomain: true, top: [], vhosts: [], trouble: 'none' };
  const server = await ReloadServer.start(textOf(calm, 0), { observers: [observer] });
  const blocker = await ReloadServer.start('listen 127.0.0.1:0; vhost x {}');
  const viewers: Viewer[] = [];
  t.after(async () => {
    for (const viewer of viewers) viewer.leave();
    await server.stop();
    await blocker.stop();
  });

  const publisher = await RtmpPeer.publish(server.rtmpPort, 'show', { tcHost: WATCHED });
  publisher.video(0, videoConfig().flvBody);
  publisher.audio(0, audioConfig().flvBody);
  await eventually(() => server.server.hub.list()[0]?.video !== undefined, 'the configuration');
  while (viewers.length < 2 * VIEWERS_OF_A_KIND) {
    const ten = Array.from({ length: 10 }, () => [
      Viewer.rtmp(server.rtmpPort),
      Viewer.http(server.httpPort),
    ]);
    viewers.push(...(await Promise.all(ten.flat())));
  }
  const saidToPublisher = publisher.commands().length;
  await eventually(
    () => events.length === 1 + viewers.length,
    () => `all viewers; got ${events.length}`,
  );

  let sent = 0;
  const publish = (): void => {
    publisher.video(sent * 20, picture(sent));
    sent += 1;
  };
  const context = (index: number): string =>
    `seed ${SEED}, reload ${index}: ${server.lines.slice(-10).join('\n')}`;
  const everybodyHasAll = (index: number): Promise<unknown> =>
    eventually(
      () => viewers.every(({ next, problem }) => next === sent || problem !== undefined),
      () => `${sent} pictures for everybody (${context(index)})`,
      30_000,
    );

  const seen = new Map<string, number>();
  for (const [index, next] of steps.entries()) {
    // Somebody on another vhost, who may be disconnected by this reload.
    const companion =
      index % 5 === 0 &&
      server.reloader.running.config.vhosts.some(({ name, enabled }) => name === 'b.example' && enabled)
        ? await RtmpPeer.publish(server.rtmpPort, `other${index}`, {
            tcHost: 'b.example',
            host: server.server.addresses.rtmp[0]?.host ?? '',
          })
        : undefined;
    const reload = server.reload(textOf(next, blocker.rtmpPort));
    for (let i = 0; i < PICTURES_A_STEP; i += 1) publish();
    const report = await reload;
    publish();
    companion?.destroy();
    assert.equal(report.ok, next.trouble !== 'syntax', context(index));
    for (const { change, outcome } of report.entries) {
      const key = `${change.directive} ${change.kind} ${outcome}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    if (index % 10 === 9) await everybodyHasAll(index);
    assert.deepEqual(viewers.flatMap(({ problem }) => problem ?? []).slice(0, 5), [], context(index));
  }
  await everybodyHasAll(RELOADS);

  assert.equal(publisher.ended, false);
  assert.equal(publisher.commands().length, saidToPublisher, 'nothing was said to the publisher');
  assert.deepEqual(
    events.filter((event) => event.endsWith('ended')),
    [],
  );
  assert.equal(events.length, 1 + viewers.length);
  assert.ok(
    viewers.every(({ next }) => next === sent),
    'everybody has every picture once',
  );
  const stream = server.server.hub.list().find(({ name }) => name.vhost === WATCHED);
  assert.equal(stream?.timelineRepairs, 0);
  assert.deepEqual(
    server.lines.filter((line) => /INTERNAL|reload failed|VIEWER_STALLED/.test(line)),
    [],
  );
  // The reloads did what they were to do.
  for (const key of [
    'listen changed applied',
    'listen changed refused',
    'http_server.listen changed applied',
    'http_api.enabled changed applied',
    'max_connections changed applied',
    'chunk_size changed applied',
    'vhost added applied',
    'vhost removed applied',
    'vhost.enabled changed applied',
    'vhost.play.gop_cache changed applied',
    'vhost.ingest added applied',
    'vhost.ingest removed applied',
  ])
    assert.ok((seen.get(key) ?? 0) >= 3, `${key}: ${seen.get(key) ?? 0} times`);
});
