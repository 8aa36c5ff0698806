import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { Compile } from 'typebox/compile';
import WebSocket from 'ws';
import { eventually } from '../support/eventually.ts';
import { audioConfig, audioFrame, videoConfig, videoFrame } from '../support/hub-fixtures.ts';
import { assertShape, type Shape } from '../support/json-shape.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { TEST_VERSION, TestServer } from '../support/test-server.ts';

const BASE = { code: 'int', server: 'text', service: 'text', pid: 'text' } as const;
const KBPS = { recv_30s: 'int', send_30s: 'int', recv_5m: 'int', send_5m: 'int' } as const;
const VHOST = {
  id: 'vid',
  name: 'text',
  enabled: 'bool',
  clients: 'int',
  streams: 'int',
  send_bytes: 'int',
  recv_bytes: 'int',
  kbps: KBPS,
} as const;
const STREAM = {
  id: 'str',
  name: 'text',
  vhost: 'vid',
  app: 'text',
  live_ms: 'int',
  clients: 'int',
  frames: 'int',
  send_bytes: 'int',
  recv_bytes: 'int',
  kbps: KBPS,
  tcUrl: 'string',
  url: 'text',
  audio_frames: 'int',
  video_frames: 'int',
  timeline_repairs: 'int',
  drops: 'int',
  queue_ms: 'int',
  health: {
    fps: 'float',
    gop_ms: 'float?',
    keyframe_ms: 'float?',
    av_offset_ms: 'float?',
    interleave_ms: 'int',
    warnings: [{ problem: 'text', message: 'text', since_ms: 'int' }],
  },
  publish: { active: 'bool', cid: 'string', started_ms: 'int' },
  video: { codec: 'text', profile: 'text', level: 'text', width: 'int', height: 'int' },
  audio: { codec: 'text', sample_rate: 'int', channel: 'int', profile: 'text' },
} as const;
const CLIENT = {
  id: 'text',
  vhost: 'vid',
  stream: 'str',
  ip: 'text',
  pageUrl: 'string',
  swfUrl: 'string',
  tcUrl: 'string',
  url: 'text',
  name: 'text',
  type: 'text',
  publish: 'bool',
  alive: 'float',
  send_bytes: 'int',
  recv_bytes: 'int',
  kbps: KBPS,
  kind: 'text',
  transport: 'text',
  user_agent: 'string',
  started_ms: 'int',
  queue_ms: 'int',
  queue_bytes: 'int',
  drops: 'int',
  dropped_bytes: 'int',
  rtt_ms: 'float?',
} as const;
const URLS = { versions: 'text', summaries: 'text', rusages: 'text', self_proc_stats: 'text' } as const;

const ints = (names: string): Shape =>
  Object.fromEntries(names.split(' ').map((name): [string, Shape] => [name, 'int']));

/** Path → shape of the body, under live publishers and viewers. */
const BODIES: readonly (readonly [string, Shape])[] = [
  ['/api/', { ...BASE, urls: { v1: 'text' } }],
  [
    '/api/v1/',
    {
      ...BASE,
      urls: {
        ...URLS,
        system_proc_stats: 'text',
        meminfos: 'text',
        authors: 'text',
        features: 'text',
        requests: 'text',
        vhosts: 'text',
        streams: 'text',
        clients: 'text',
        events: 'text',
        bans: 'text',
        openapi: 'text',
        raw: 'text',
        clusters: 'text',
        health: 'text',
      },
      tests: { requests: 'text', errors: 'text', redirects: 'text' },
    },
  ],
  ['/api/v1/versions', { ...BASE, data: { major: 'int', minor: 'int', revision: 'int', version: 'text' } }],
  [
    '/api/v1/summaries',
    {
      ...BASE,
      data: {
        ok: 'bool',
        now_ms: 'int',
        self: {
          version: 'text',
          pid: 'int',
          ppid: 'int',
          argv: 'text',
          cwd: 'text',
          mem_kbyte: 'int',
          mem_percent: 'float',
          cpu_percent: 'float',
          srs_uptime: 'int',
        },
        system: {
          ...(ints(
            'disk_read_KBps disk_write_KBps mem_ram_kbyte mem_swap_kbyte cpus cpus_online net_sample_time net_recv_bytes ' +
              'net_send_bytes net_recvi_bytes net_sendi_bytes srs_sample_time srs_recv_bytes srs_send_bytes conn_sys ' +
              'conn_sys_et conn_sys_tw conn_sys_udp conn_srs',
          ) as object),
          cpu_percent: 'float',
          disk_busy_percent: 'float',
          mem_ram_percent: 'float',
          mem_swap_percent: 'float',
          uptime: 'float',
          ilde_time: 'float',
          load_1m: 'float',
          load_5m: 'float',
          load_15m: 'float',
        },
      },
    },
  ],
  [
    '/api/v1/rusages',
    {
      ...BASE,
      data: {
        ok: 'bool',
        ...(ints(
          'sample_time ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ru_nswap ru_inblock ' +
            'ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw',
        ) as object),
      },
    },
  ],
  [
    '/api/v1/self_proc_stats',
    {
      ...BASE,
      data: {
        ok: 'bool',
        percent: 'float',
        comm: 'text',
        state: 'text',
        ...(ints(
          'sample_time pid ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime ' +
            'priority nice num_threads itrealvalue starttime vsize rss rsslim startcode endcode startstack kstkesp kstkeip ' +
            'signal blocked sigignore sigcatch wchan nswap cnswap exit_signal processor rt_priority policy ' +
            'delayacct_blkio_ticks guest_time cguest_time',
        ) as object),
      },
    },
  ],
  [
    '/api/v1/system_proc_stats',
    {
      ...BASE,
      data: {
        ok: 'bool',
        percent: 'float',
        ...(ints('sample_time user nice sys idle iowait irq softirq steal guest') as object),
      },
    },
  ],
  [
    '/api/v1/meminfos',
    {
      ...BASE,
      data: {
        ok: 'bool',
        percent_ram: 'float',
        percent_swap: 'float',
        ...(ints(
          'sample_time MemActive RealInUse NotInUse MemTotal MemFree Buffers Cached SwapTotal SwapFree',
        ) as object),
      },
    },
  ],
  ['/api/v1/authors', { ...BASE, data: { license: 'text', contributors: 'text' } }],
  [
    '/api/v1/features',
    {
      ...BASE,
      data: {
        options: 'string',
        options2: 'string',
        build: 'string',
        build2: 'string',
        features: {
          ssl: 'bool',
          hls: 'bool',
          hds: 'bool',
          callback: 'bool',
          api: 'bool',
          httpd: 'bool',
          dvr: 'bool',
          transcode: 'bool',
          ingest: 'bool',
          stat: 'bool',
          caster: 'bool',
          complex_send: 'bool',
          tcp_nodelay: 'bool',
          so_sendbuf: 'bool',
          mr: 'bool',
        },
      },
    },
  ],
  ['/api/v1/vhosts/', { ...BASE, vhosts: [{ ...VHOST, hls: { enabled: 'bool' } }] }],
  ['/api/v1/streams/', { ...BASE, total: 'int', streams: [STREAM] }],
  ['/api/v1/clients/', { ...BASE, total: 'int', clients: [CLIENT] }],
  [
    '/api/v1/raw?rpc=raw',
    {
      code: 'int',
      http_api: {
        enabled: 'bool',
        listen: 'text',
        crossdomain: 'bool',
        raw_api: { enabled: 'bool', allow_reload: 'bool', allow_query: 'bool', allow_update: 'bool' },
      },
    },
  ],
  [
    '/api/v1/clusters?vhost=__defaultVhost__&app=live&stream=demo&ip=10.0.0.1',
    {
      code: 'int',
      data: {
        query: { ip: 'text', vhost: 'text', app: 'text', stream: 'text' },
        origin: { ip: 'text', port: 'int', vhost: 'text', api: 'text', routers: ['text'] },
      },
    },
  ],
  ['/api/v1/raw?rpc=update', { code: 'int', msg: 'text' }],
  ['/api/v1/health', { ...BASE, data: { live: 'bool', ready: 'bool' } }],
  [
    '/api/v1/tests/requests?a=b',
    {
      ...BASE,
      data: {
        uri: 'text',
        path: 'text',
        METHOD: 'text',
        headers: { sigature: 'text', version: 'text', link: 'text', time: 'int' },
      },
    },
  ],
  ['/api/v1/tests/errors', { code: 'int', msg: 'text' }],
  ['/api/v1/streams/nothing', { code: 'int', msg: 'text' }],
];

/** Of an OpenAPI document what is looked at here. */
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
}

interface Client {
  readonly id: string;
  readonly type: string;
  readonly kind: string;
  readonly send_bytes: number;
  readonly recv_bytes: number;
}

suite('the API of a server with publishers and viewers', () => {
  let server: TestServer;
  let origin: string;
  let publisher: RtmpPeer;
  let time = 0;
  const undo: (() => unknown)[] = [];

  async function json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<T> {
    const response = await fetch(origin + path, init);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    return (await response.json()) as T;
  }

  /** A group of pictures with sound. */
  function send(): void {
    for (let index = 0; index < 25; index += 1, time += 40) {
      publisher.send(9, videoFrame(time, index === 0, 0, 4_000).flvBody, 1, time);
      publisher.send(8, audioFrame(time).flvBody, 1, time);
    }
  }

  const clients = async (): Promise<readonly Client[]> =>
    (await json<{ clients: Client[] }>('/api/v1/clients/?count=100')).clients;

  before(async () => {
    server = await TestServer.start({
      top: 'http_api { enabled on; listen 127.0.0.1:0; }',
      vhost: 'publish { hold_time 0; }',
    });
    undo.push(() => server.stop());
    origin = `http://127.0.0.1:${server.server.addresses.api[0]?.port ?? 0}`;
    publisher = await RtmpPeer.open(server.rtmpPort, 'live', {
      tcUrl: 'rtmp://user:secret@studio/live?key=secret',
      properties: {
        pageUrl: 'http://page/x?session=secret',
        swfUrl: 'http://page/a.swf',
        flashVer: 'FMLE/3.0',
      },
    });
    undo.push(() => publisher.destroy());
    publisher.call(0, 'FCPublish', null, 'demo');
    await publisher.createStream();
    publisher.call(1, 'publish', null, 'demo?token=secret', 'live');
    await publisher.status('NetStream.Publish.Start');
    publisher.send(9, videoConfig().flvBody, 1);
    publisher.send(8, audioConfig().flvBody, 1);
    send();
    const player = await RtmpPeer.play(server.rtmpPort, 'demo?token=secret');
    undo.push(() => player.destroy());
    const url = `127.0.0.1:${server.httpPort}/live/demo.flv?token=secret`;
    const http = get(`http://${url}`, { agent: false, headers: { 'user-agent': 'player/1' } });
    http.on('error', () => undefined).on('response', (response) => response.resume());
    undo.push(() => http.destroy());
    const ws = new WebSocket(`ws://${url}`);
    undo.push(() => ws.terminate());
    await once(ws, 'open');
    await eventually(() => server.hub.list()[0]?.viewers === 3, 'three viewers');
    send();
    let all: readonly Client[] = [];
    for (let tries = 0; tries < 200; tries += 1) {
      all = await clients();
      if (all.length === 4 && all.every((client) => client.send_bytes + client.recv_bytes > 50_000)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.fail(`not served: ${JSON.stringify(all)}`);
  });

  after(async () => {
    for (const work of undo.splice(0).reverse()) await work();
  });

  for (const [path, shape] of BODIES) {
    test(`${path} has the fields of the contract and no others`, async () => {
      assertShape(await json(path), shape);
    });
  }

  test('single objects are those of the lists', async () => {
    const body = await json<Record<string, { id: string }[]>>('/api/v1/vhosts/');
    for (const [list, one, shape] of [
      ['vhosts', 'vhost', { ...VHOST, hls: { enabled: 'bool' } }],
      ['streams', 'stream', STREAM],
      ['clients', 'client', CLIENT],
    ] as const) {
      const [first] = (await json<Record<string, { id: string }[]>>(`/api/v1/${list}/`))[list] ?? [];
      const answer = await json<Record<string, { id: string }>>(`/api/v1/${list}/${first?.id ?? ''}`);
      assertShape(answer, { ...BASE, [one]: shape });
      assert.equal(answer[one]?.id, first?.id);
    }
    assert.equal(body['vhosts']?.length, 1);
  });

  test('the figures are those of what runs', async () => {
    assert.deepEqual((await json('/api/v1/health'))['data'], { live: true, ready: true });
    const { data } = await json<{ data: { version: string } }>('/api/v1/versions');
    assert.equal(data.version, TEST_VERSION);
    const [stream] = (await json<{ streams: Record<string, unknown>[] }>('/api/v1/streams/')).streams;
    assert.ok(stream);
    const all = await clients();
    assert.deepEqual(
      all.map(({ type, kind }) => `${type} ${kind}`),
      ['fmle-publish rtmp-publish', 'rtmp-play rtmp-play', 'flv-play flv-play', 'flv-play ws-flv-play'],
    );
    assert.equal(stream['clients'], 4);
    assert.equal(stream['url'], '/live/demo');
    assert.equal(stream['tcUrl'], 'rtmp://studio/live');
    assert.equal(stream['frames'], 50);
    assert.deepEqual(stream['publish'], {
      active: true,
      cid: all[0]?.id,
      started_ms: (stream['publish'] as { started_ms: number }).started_ms,
    });
    const sent = all.reduce((sum, client) => sum + client.send_bytes, 0);
    const received = server.hub.list()[0]?.receivedBytes;
    assert.equal(stream['recv_bytes'], received);
    assert.equal(stream['send_bytes'], sent);
    const [vhost] = (await json<{ vhosts: Record<string, unknown>[] }>('/api/v1/vhosts/')).vhosts;
    const { name, enabled, clients: open, streams, send_bytes, recv_bytes } = vhost ?? {};
    assert.deepEqual([name, enabled, open, streams], ['__defaultVhost__', true, 4, 1]);
    assert.deepEqual([send_bytes, recv_bytes], [sent, received]);
    const host = await json<{ data: Record<string, Record<string, unknown>> & { ok: boolean } }>(
      '/api/v1/summaries',
    );
    assert.equal(host.data.ok, process.platform === 'linux');
    const { self, system } = host.data;
    assert.equal(self?.['pid'], process.pid);
    assert.equal(system?.['srs_recv_bytes'], received);
    assert.equal(system?.['conn_srs'], server.server.connections);
  });

  test('no answer shows a secret of a URL', async () => {
    for (const [path] of [...BODIES, ['/api/v1/streams/live/demo']]) {
      const text = await (await fetch(origin + path)).text();
      assert.doesNotMatch(text, /secret/, path);
    }
  });

  test('every answer is what the document says', async () => {
    const document = await json<Document>('/api/v1/openapi.json');
    const [vhost] = (await json<{ vhosts: { id: string }[] }>('/api/v1/vhosts/')).vhosts;
    const [client] = await clients();
    const ids = { vhosts: vhost?.id, streams: 'live/demo', clients: client?.id, bans: 'none' };
    let looked = 0;
    for (const [path, operations] of Object.entries(document.paths)) {
      const answer = operations['get']?.responses['200']?.content?.['application/json'];
      if (answer === undefined || path === '/api/v1/tests/redirects') continue;
      const kind = /^\/api\/v1\/(\w+)\/\{id\}$/.exec(path)?.[1] as keyof typeof ids | undefined;
      const schema = Compile(answer.schema);
      const asked =
        kind === undefined ? [path] : [path.replace('{id}', ids[kind] ?? ''), path.replace('{id}', 'none')];
      for (const url of [...asked, ...(path === '/api/v1/raw' ? [`${path}?rpc=raw`] : [])]) {
        const body = await json(url);
        assert.deepEqual(schema.Errors(body), [], url);
        // It cannot be met by just anything.
        assert.ok(!schema.Check({ ...body, more: 1 }), `${url} takes unknown fields`);
        assert.ok(!schema.Check({ ...body, code: 'x' }), `${url} takes a code that is none`);
        looked += 1;
      }
    }
    assert.ok(looked >= 24, `${looked} were looked at`);
  });

  test('a stream that is stopped by its name answers what the document says', async () => {
    const document = await json<Document>('/api/v1/openapi.json');
    const answer = document.paths['/api/v1/streams/{id}']?.['delete']?.responses['200'];
    const body = await json('/api/v1/streams/live/demo', { method: 'DELETE' });
    assert.deepEqual(Compile(answer?.content?.['application/json']?.schema ?? {}).Errors(body), []);
    await eventually(() => publisher.ended, 'the end of the publisher');
  });
});
