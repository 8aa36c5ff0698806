import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, suite, test } from 'node:test';
import { MAX_UNDO } from '../../src/server/raw.ts';
import { ServerError } from '../../src/base/errors.ts';
import { RawServer, type RawBody } from '../support/raw-server.ts';
import { TestServer } from '../support/test-server.ts';

const ALL = 'raw_api { enabled on; allow_reload on; allow_query on; allow_update on; }';
const API = (inner = ALL): string => `http_api { enabled on; listen 127.0.0.1:0; ${inner} }`;

/** A file as people write them. */
const TEXT = `# The studio's server.
listen              127.0.0.1:0;   # RTMP
max_connections     1000;
srs_log_tank        console;

${API()}

# Recordings.
vhost __defaultVhost__ {
    # All but rehearsals.
    dvr {
        enabled     on;
        dvr_apply   none; # by hand
        dvr_path    ./rec/[app]/[stream].[timestamp].flv;
    }
}

vhost off.example { enabled off; } # not yet
`;

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function start(
  files: string | Readonly<Record<string, string>> = TEXT,
  env: Readonly<Record<string, string>> = {},
): Promise<RawServer> {
  const server = await RawServer.start(typeof files === 'string' ? { 'srs.conf': files } : files, env);
  running.push(server);
  return server;
}

const update = (query: string): string => `rpc=update&${query}`;

suite('what is off', () => {
  const CASES = [
    ['', { raw: 0, reload: 1061, 'reload-fetch': 1061, query: 1061, update: 1061 }],
    [
      'raw_api { allow_reload on; allow_query on; allow_update on; }',
      { raw: 0, reload: 1061, query: 1061, update: 1061 },
    ],
    ['raw_api { enabled on; }', { raw: 0, reload: 1061, 'reload-fetch': 1061, query: 1061, update: 1061 }],
    ['raw_api { enabled on; allow_reload on; }', { reload: 0, 'reload-fetch': 0, query: 1061, update: 1061 }],
    ['raw_api { enabled on; allow_query on; }', { reload: 1061, query: 0, update: 1061 }],
    ['raw_api { enabled on; allow_update on; }', { reload: 1061, query: 1061, update: 1062 }],
    [ALL, { raw: 0, reload: 0, 'reload-fetch': 0, query: 0, update: 1062, nonsense: 1060, '': 1060 }],
  ] as const;
  for (const [inner, want] of CASES)
    test(inner === '' ? 'all of it' : inner, async () => {
      const server = await start(`listen 127.0.0.1:0; ${API(inner)}`);
      for (const [rpc, code] of Object.entries(want)) {
        const body = await server.raw(`rpc=${rpc}&scope=minimal`);
        assert.equal(body.code, code, `${rpc}: ${body.msg}`);
        assert.equal((await server.raw(`rpc=${rpc}&scope=minimal`, { method: 'POST' })).code, code, rpc);
      }
    });

  test('the settings are told all the same', async () => {
    const server = await start(
      `listen 127.0.0.1:0; ${API('raw_api { enabled on; allow_query on; } crossdomain off;')}`,
    );
    assert.deepEqual(await server.raw('rpc=raw'), {
      code: 0,
      http_api: {
        enabled: true,
        listen: '127.0.0.1:0',
        crossdomain: false,
        raw_api: { enabled: true, allow_reload: false, allow_query: true, allow_update: false },
      },
    });
  });

  test('a server without a file has nothing to read', async () => {
    const server = await TestServer.start({ top: API() });
    running.push(server);
    const url = `http://127.0.0.1:${server.server.addresses.api[0]?.port}/api/v1/raw`;
    for (const rpc of ['reload', 'reload-fetch', 'query&scope=global', 'update&scope=listen&value=1935']) {
      const body = (await (await fetch(`${url}?rpc=${rpc}`)).json()) as RawBody;
      assert.equal(body.code, 1061);
      assert.match(body.msg ?? '', /no file of its own/);
    }
  });
});

suite('reload', () => {
  test('tells what became of each directive, and reload-fetch tells it again', async () => {
    const server = await start();
    const never = await server.raw('rpc=reload-fetch');
    assert.deepEqual(never['data'], { err: 0, msg: 'nothing has been reloaded yet', state: 0, rid: '' });
    appendFileSync(server.conf, 'chunk_size 4096;\nwork_dir ./;\n');
    const body = await server.raw('rpc=reload');
    const data = body['data'] as Record<string, unknown>;
    assert.equal(body.code, 0);
    assert.deepEqual([data['err'], data['state'], data['trigger']], [0, 90, 'api']);
    assert.match(String(data['msg']), /reload by api: \d+ applied/);
    const changes = data['changes'] as { directive: string; outcome: string; vhost?: string }[];
    assert.deepEqual(changes[0], {
      directive: 'chunk_size',
      text: 'chunk_size: 60000 -> 4K, applied',
      outcome: 'applied',
    });
    assert.deepEqual((await server.raw('rpc=reload-fetch'))['data'], data);
  });

  test('a file that cannot be used changes nothing', async () => {
    const server = await start();
    writeFileSync(server.conf, 'listen x;');
    const data = (await server.raw('rpc=reload'))['data'] as Record<string, unknown>;
    assert.deepEqual([data['err'], data['state']], [1023, 20]);
    assert.match(String((data['problems'] as string[])[0]), /srs\.conf:1:8: listen: 'x'/);
    assert.equal(server.reloader.running.config.maxConnections, 1000);
  });

  test('also when the API is switched off by it', async () => {
    const server = await start();
    writeFileSync(server.conf, TEXT.replace('http_api { enabled on;', 'http_api { enabled off;'));
    await server.raw('rpc=reload').catch(() => undefined); // Its connection may be closed before the answer.
    assert.equal(server.reloader.last?.ok, true);
    assert.deepEqual(server.server.addresses.api, []);
  });
});

suite('query', () => {
  const FILE = `listen 127.0.0.1:0 127.0.0.2:0; daemon off; chunk_size 4096; pid ./a.pid;
    http_server { enabled on; listen 127.0.0.1:0; }
    http_api { enabled on; listen 127.0.0.1:0; ${ALL} auth { enabled off; username boss; password s3cret; token read s3cret-s3cret-s3cret; } }
    vhost __defaultVhost__ { hls { enabled on; } tcp_nodelay off; play { gop_cache off; } }
    vhost other { enabled off; http_hooks { enabled on; secret s3cret; on_publish http://u:s3cret@127.0.0.1:1/x?token=s3cret; }
      ingest one { enabled off; input { url rtmp://u:s3cret@127.0.0.1/live/a; } engine { output rtmp://127.0.0.1/live/b; } } }`;

  test('minimal', async () => {
    const { minimal } = await (await start(FILE)).raw('rpc=query&scope=minimal');
    assert.deepEqual(minimal, { listen: ['127.0.0.1:0', '127.0.0.2:0'] });
  });

  test('global: what is written, with its type, and what is on in each vhost', async () => {
    const server = await start(FILE);
    const body = await server.raw('rpc=query&scope=global');
    const { vhosts, http_api: api, http_server: http, ...root } = body['global'] as Record<string, unknown>;
    assert.deepEqual(root, {
      listen: ['127.0.0.1:0', '127.0.0.2:0'],
      chunk_size: 4096,
      daemon: false,
      pid: './a.pid',
      nb_vhosts: 2,
    });
    assert.deepEqual(http, { enabled: true, listen: '127.0.0.1:0' });
    assert.deepEqual((api as Record<string, unknown>)['auth'], {
      enabled: 'off',
      username: 'boss',
      password: '******',
      token: [['read', '******']],
    });
    const { __defaultVhost__: first, other } = vhosts as Record<string, Record<string, unknown>>;
    assert.match(String(first?.['id']), /^vid-/);
    assert.deepEqual(first, {
      id: first?.['id'],
      name: '__defaultVhost__',
      enabled: true,
      hls: true,
      mr: true,
      time_jitter: true,
    });
    assert.deepEqual([other?.['enabled'], other?.['http_hooks'], other?.['hls']], [false, true, undefined]);
    assert.ok(!JSON.stringify(body).includes('s3cret'));
  });

  test('vhost: its own blocks and switches', async () => {
    const server = await start(FILE);
    const first = (await server.raw('rpc=query&scope=vhost&vhost=__defaultVhost__'))['vhost'] as object;
    const other = (await server.raw('rpc=query&scope=vhost&vhost=other'))['vhost'] as Record<string, unknown>;
    const { id, ...rest } = first as { id: string };
    assert.match(id, /^vid-/);
    assert.deepEqual(rest, {
      name: '__defaultVhost__',
      enabled: true,
      play: { gop_cache: false },
      hls: { enabled: true },
    });
    assert.equal(other['enabled'], false);
    assert.deepEqual(other['http_hooks'], {
      enabled: true,
      secret: '******',
      on_publish: ['http://u:******@127.0.0.1:1/x?token=******'],
    });
    const [ingest] = other['ingests'] as { id: string; enabled: boolean; input: { url: string } }[];
    assert.deepEqual(
      [ingest?.id, ingest?.enabled, ingest?.input.url],
      ['one', false, 'rtmp://u:******@127.0.0.1/live/a'],
    );
    assert.ok(!JSON.stringify(other).includes('s3cret'));
    assert.equal((await server.raw('rpc=query&scope=vhost&vhost=none')).code, 1063);
    assert.equal((await server.raw('rpc=query&scope=vhost')).code, 1063);
    assert.equal((await server.raw('rpc=query&scope=all')).code, 1062);
  });
});

suite('update', () => {
  /** A query, and how the text of the file is another one afterwards. */
  const CASES: readonly (readonly [query: string, from: string, to: string])[] = [
    ['scope=max_connections&value=2000', 'max_connections     1000;', 'max_connections     2000;'],
    ['scope=chunk_size&value=4096', 'console;\n', 'console;\nchunk_size          4096;\n'],
    ['scope=pithy_print_ms&value=5000', 'console;\n', 'console;\npithy_print_ms      5000;\n'],
    ['scope=srs_log_tank&value=file', 'console;', 'file;'],
    ['scope=srs_log_level&value=warn', 'console;\n', 'console;\nsrs_log_level       warn;\n'],
    ['scope=srs_log_file&value=./x y.log', 'console;\n', 'console;\nsrs_log_file        "./x y.log";\n'],
    ['scope=utc_time&value=true', 'console;\n', 'console;\nutc_time            on;\n'],
    ['scope=pid&value=/tmp/x.pid', 'console;\n', 'console;\npid                 /tmp/x.pid;\n'],
    ['scope=ff_log_dir&value=/dev/null', 'console;\n', 'console;\nff_log_dir          /dev/null;\n'],
    ['scope=vhost&param=create&value=new.example', '# not yet\n', '# not yet\n\nvhost new.example {\n}\n'],
    ['scope=vhost&param=enable&value=off.example', '{ enabled off; }', '{ enabled on; }'],
    ['scope=vhost&param=update&value=off.example&data=on.example', 'vhost off.example', 'vhost on.example'],
    ['scope=vhost&param=delete&value=off.example', 'vhost off.example { enabled off; }', ''],
    [
      'scope=vhost&param=disable&value=__defaultVhost__',
      'vhost __defaultVhost__ {\n',
      'vhost __defaultVhost__ {\n    enabled off;\n',
    ],
    ['scope=dvr&param=enable&value=__defaultVhost__&data=live/a', 'none;', 'live/a;'],
  ];
  for (const [query, from, to] of CASES)
    test(query, async () => {
      const server = await start();
      const dry = await server.raw(update(`${query}&dry_run=1`));
      assert.equal(dry.code, 0, dry.msg);
      assert.equal(server.text(), TEXT, 'a dry run writes nothing');
      assert.ok(!server.lines.some((line) => line.includes('reload by')), 'and applies nothing');
      assert.equal(TEXT.split(from).length, 2, from);
      const body = await server.raw(update(query));
      assert.equal(body.code, 0, body.msg);
      assert.equal(server.text(), TEXT.replace(from, to));
      assert.deepEqual(body.data?.diff, dry.data?.diff);
      assert.deepEqual(
        body.data?.changes.map(({ directive, outcome }) => [directive, outcome]),
        dry.data?.changes.map(({ directive, outcome }) => [directive, outcome]),
      );
      assert.equal(body.data?.file, server.conf);
      assert.equal(dry.data?.file, '');
      assert.ok(server.reloader.last?.ok);
      // Once more changes nothing, or does not fit any more.
      const again = await server.raw(update(query));
      if (again.code === 0) assert.equal(again.data?.changed, false);
      else assert.equal(again.code, 1063);
      assert.equal(server.text(), TEXT.replace(from, to));
    });

  test('what is in force is what was asked for', async () => {
    const server = await start();
    await server.raw(update('scope=max_connections&value=2000'));
    await server.raw(update('scope=vhost&param=create&value=new.example'));
    const { config } = server.reloader.running;
    assert.equal(config.maxConnections, 2000);
    assert.ok(config.vhosts.some(({ name }) => name === 'new.example'));
  });

  test('streams that are recorded', async () => {
    const server = await start();
    const ask = async (action: string, stream: string): Promise<readonly string[] | undefined> => {
      const query = `scope=dvr&value=__defaultVhost__&param=${action}&data=${stream}`;
      assert.equal((await server.raw(update(query))).code, 0);
      return server.reloader.running.config.vhosts[0]?.dvr.dvrApply;
    };
    assert.deepEqual(await ask('enable', 'live/a'), ['live/a']);
    assert.deepEqual(await ask('enable', 'live/b'), ['live/a', 'live/b']);
    assert.deepEqual(await ask('enable', 'live/b'), ['live/a', 'live/b']);
    assert.deepEqual(await ask('disable', 'live/c'), ['live/a', 'live/b']);
    assert.deepEqual(await ask('disable', 'live/a'), ['live/b']);
    assert.deepEqual(await ask('disable', 'live/b'), ['none']);
    assert.equal(server.text(), TEXT);
  });

  test('with dvr_apply all every stream is recorded, and there is no form for all but one', async () => {
    const server = await start(TEXT.replace('none;', 'all;'));
    const query = (action: string): string =>
      update(`scope=dvr&value=__defaultVhost__&param=${action}&data=live/a`);
    const enabled = await server.raw(query('enable'));
    assert.deepEqual([enabled.code, enabled.data?.changed], [0, false]);
    const disabled = await server.raw(query('disable'));
    assert.deepEqual(
      [disabled.code, disabled.msg],
      [1063, 'dvr_apply is all: there is no form for all but one'],
    );
  });

  for (const [query, message] of [
    ['scope=vhost&param=create&value=__defaultVhost__', /already/],
    ['scope=vhost&param=delete&value=__defaultVhost__', /is on: disable it first/],
    ['scope=vhost&param=update&value=__defaultVhost__&data=x', /is on: disable it first/],
    ['scope=vhost&param=update&value=off.example&data=__defaultVhost__', /already/],
    ['scope=vhost&param=enable&value=__defaultVhost__', /is on already/],
    ['scope=vhost&param=disable&value=off.example', /is off already/],
    ['scope=vhost&param=disable&value=none', /there is no vhost none/],
    ['scope=dvr&param=enable&value=none&data=live/a', /there is no vhost none/],
    ['scope=dvr&param=enable&value=off.example&data=live/a', /dvr is off/],
    ['scope=max_connections&value=x', /whole number from 10 to 65535/],
  ] as const)
    test(`${query} does not fit`, async () => {
      const server = await start();
      const body = await server.raw(update(query));
      assert.equal(body.code, 1063);
      assert.match(body.msg ?? '', message);
      assert.equal(server.text(), TEXT);
      assert.equal(server.reloader.last, undefined);
    });

  test('in the file in which it stands', async () => {
    const files = {
      'srs.conf': `listen 127.0.0.1:0; # main\ninclude conf.d/*.conf;\n${API()}\n`,
      'conf.d/a.conf': '# A\nmax_connections 1000;\n',
      'conf.d/b.conf': '# B\nvhost b { # here\n}\n',
    };
    const server = await start(files);
    const first = await server.raw(update('scope=max_connections&value=2000'));
    assert.equal(first.data?.file, path.join(server.folder, 'conf.d/a.conf'));
    await server.raw(update('scope=vhost&param=disable&value=b'));
    await server.raw(update('scope=chunk_size&value=4096'));
    assert.equal(server.text('conf.d/a.conf'), '# A\nmax_connections 2000;\n');
    assert.equal(server.text('conf.d/b.conf'), '# B\nvhost b { # here\n    enabled off;\n}\n');
    assert.equal(
      server.text(),
      files['srs.conf']
        .replace('# main\n', '# main\n')
        .replace('conf.d/*.conf;\n', 'conf.d/*.conf;\nchunk_size 4096;\n'),
    );
  });

  test('not what a variable of the environment sets', async () => {
    const server = await start(TEXT, { SRS_MAX_CONNECTIONS: '500', SRS_VHOST_ENABLED: 'on' });
    for (const query of ['scope=max_connections&value=2000', 'scope=vhost&param=disable&value=off.example']) {
      const body = await server.raw(update(query));
      assert.equal(body.code, 1063);
      assert.match(body.msg ?? '', /is set by the environment variable SRS_(MAX_CONNECTIONS|VHOST_ENABLED)/);
    }
    assert.equal(server.text(), TEXT);
  });

  test('not beside changes that nobody has applied yet', async () => {
    const server = await start();
    const edited = TEXT.replace('1000;', '1100;');
    writeFileSync(server.conf, edited);
    const body = await server.raw(update('scope=chunk_size&value=4096'));
    assert.equal(body.code, 1063);
    assert.match(body.msg ?? '', /changes that are not in force, such as max_connections: reload first/);
    assert.equal(server.text(), edited);
    await server.raw('rpc=reload');
    assert.equal((await server.raw(update('scope=chunk_size&value=4096'))).code, 0);
    writeFileSync(server.conf, 'listen x;');
    assert.match(
      (await server.raw(update('scope=chunk_size&value=5000'))).msg ?? '',
      /cannot be used.*listen/,
    );
  });

  test('not where another block of the same name would count then', async () => {
    for (const [more, message] of [
      ['vhost off.example { }', /would also change vhost\.enabled/],
      ['vhost off.example { enabled off; }', /would change nothing/],
    ] as const) {
      const text = `${TEXT}${more}\n`;
      const server = await start(text);
      const body = await server.raw(update('scope=vhost&param=delete&value=off.example'));
      assert.equal(body.code, 1063);
      assert.match(body.msg ?? '', message);
      assert.equal(server.text(), text);
    }
  });

  test('a value that the running server refuses is taken out of the file again', async () => {
    const holder = createServer().listen(0);
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const server = await start();
    const body = await server.raw(update(`scope=listen&value=${port}`));
    assert.equal(body.code, 1063);
    assert.match(body.msg ?? '', /refused: .*already in use/);
    assert.equal(server.text(), TEXT);
    assert.equal((await server.raw('rpc=reload-fetch'))['code'], 0);
    assert.equal((await server.raw(update('scope=chunk_size&value=4096'))).code, 0, 'the next one goes well');
    holder.close();
    const moved = await server.raw(update(`scope=listen&value=${port}`));
    assert.equal(moved.code, 0, moved.msg);
    assert.equal(server.server.addresses.rtmp[0]?.port, port);
    // At the address that the file had: the API knows ports alone, and must not open to all what was for this machine.
    assert.ok(server.text().includes(`listen              127.0.0.1:${port};   # RTMP\n`));
  });

  test('many at once are made in turn', async () => {
    const server = await start();
    const values = Array.from({ length: 20 }, (_, i) => 1001 + i);
    const bodies = await Promise.all([
      ...values.map((value) => server.raw(update(`scope=max_connections&value=${value}`))),
      ...values.map((value) => server.raw(update(`scope=vhost&param=create&value=v${value}`))),
    ]);
    assert.deepEqual(
      bodies.map(({ code, msg }) => msg ?? code),
      bodies.map(() => 0),
    );
    const names = server.reloader.running.config.vhosts.map(({ name }) => name);
    assert.deepEqual(
      names.slice(2).toSorted(),
      values.map((value) => `v${value}`),
    );
    assert.ok(values.includes(server.reloader.running.config.maxConnections));
    for (const comment of TEXT.match(/#.*/g) ?? []) assert.ok(server.text().includes(comment), comment);
  });

  test('where the file cannot be written nothing changes', async () => {
    const full = new ServerError('CONFIG_WRITE_FAILED', 'srs.conf could not be written: the disk is full');
    const server = await RawServer.start({ 'srs.conf': TEXT }, {}, { replace: () => Promise.reject(full) });
    running.push(server);
    const body = await server.raw(update('scope=max_connections&value=2000'));
    assert.deepEqual(body, { code: 1059, msg: full.message });
    assert.equal(server.text(), TEXT);
    assert.equal(server.reloader.running.config.maxConnections, 1000);
    assert.equal(server.reloader.last, undefined);
    rmSync(server.conf);
    const gone = await server.raw(update('scope=max_connections&value=2000'));
    assert.match(gone.msg ?? '', /cannot be used: srs\.conf: there is no such file/);
  });

  test('is taken back, the newest first, unless the file is another one since', async () => {
    const server = await start();
    assert.match((await server.raw('rpc=undo')).msg ?? '', /nothing to undo/);
    await server.raw(update('scope=max_connections&value=2000'));
    await server.raw(update('scope=vhost&param=create&value=new.example'));
    const two = server.text();
    const dry = await server.raw('rpc=undo&dry_run=1');
    assert.deepEqual([dry.code, server.text()], [0, two]);
    assert.deepEqual(
      dry.data?.changes.map(({ text }) => text),
      ['vhost new.example is removed; clients of this vhost are disconnected'],
    );
    assert.equal((await server.raw('rpc=undo')).code, 0);
    assert.equal((await server.raw('rpc=undo')).code, 0);
    assert.equal(server.text(), TEXT);
    assert.equal(server.reloader.running.config.maxConnections, 1000);
    assert.equal((await server.raw('rpc=undo')).code, 1063);
    await server.raw(update('scope=max_connections&value=2000'));
    appendFileSync(server.conf, '# more\n');
    const other = await server.raw('rpc=undo');
    assert.deepEqual([other.code, other.msg], [1063, 'the file is another one since the last update']);
    for (let i = 0; i <= MAX_UNDO; i += 1) await server.raw(update(`scope=chunk_size&value=${1000 + i}`));
    for (let i = 0; i < MAX_UNDO; i += 1) assert.equal((await server.raw('rpc=undo')).code, 0);
    assert.match((await server.raw('rpc=undo')).msg ?? '', /nothing to undo/);
    assert.equal(server.reloader.running.config.chunkSizeBytes, 1000);
  });

  test('a dry run shows no secret', async () => {
    const server = await start(
      `listen 127.0.0.1:0;\nvhost a { enabled off; http_hooks { secret s3cret; } }\n${API(`${ALL} auth { enabled off; username a; password s3cret; }`)}\n`,
    );
    for (const query of ['scope=chunk_size&value=4096', 'scope=vhost&param=delete&value=a']) {
      const body = await server.raw(update(`${query}&dry_run=1`));
      assert.equal(body.code, 0, body.msg);
      assert.ok(!JSON.stringify(body).includes('s3cret'), JSON.stringify(body));
    }
  });
});

test('only an admin reads and changes the configuration', async () => {
  const tokens = { read: 'reader-0123456789', operate: 'operator-0123456789', admin: 'admin-0123456789abc' };
  const lines = Object.entries(tokens).map(([role, token]) => `token ${role} ${token};`);
  const server = await start(TEXT.replace(ALL, `${ALL} auth { ${lines.join(' ')} }`));
  const status = async (query: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await fetch(`${server.origin}/api/v1/raw?${query}`, { headers })).status;
  };
  const text = server.text();
  for (const query of [
    'rpc=reload',
    'rpc=undo',
    'rpc=query&scope=global',
    update('scope=max_connections&value=1001'),
  ])
    assert.deepEqual(
      [await status(query), await status(query, tokens.read), await status(query, tokens.operate)],
      [401, 403, 403],
      query,
    );
  assert.equal(server.text(), text);
  for (const query of ['rpc=raw', 'rpc=reload-fetch']) assert.equal(await status(query, tokens.read), 200);
  for (const query of ['rpc=reload', 'rpc=query&scope=global', update('scope=max_connections&value=1001')])
    assert.equal(await status(query, tokens.admin), 200, query);
});
