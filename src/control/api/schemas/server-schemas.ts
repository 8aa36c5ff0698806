import { Type } from '../../../base/json-type.ts';
import { exact, flag, flags, good, list, orNull, text, whole } from './parts.ts';

const names = (description: string) => Type.Record(Type.String(), Type.String(), { description });

export const ROOT_BODY = good({ urls: exact({ v1: text('Version 1 of the API.') }) });
export const INDEX_BODY = good({
  urls: names('Name of an endpoint → what it is.'),
  tests: names('Name of a test endpoint → what it is.'),
});

export const VERSIONS_BODY = good({
  data: exact({
    major: whole('Version 0.1.2: 0.'),
    minor: whole('Version 0.1.2: 1.'),
    revision: whole('Version 0.1.2: 2.'),
    version: text('Version of this program.', '0.1.2'),
  }),
});

export const AUTHORS_BODY = good({
  data: exact({ license: text('Licence of this program.', 'MIT'), contributors: text('Who made it.') }),
});

export const FEATURES_BODY = good({
  data: exact({
    options: text('Options of its build: there are none.'),
    options2: text('Options of its build: there are none.'),
    build: text('When it was built: not known.'),
    build2: text('When it was built: not known.'),
    features: exact(
      flags({
        ssl: 'TLS.',
        hls: 'HLS.',
        hds: 'HDS.',
        callback: 'HTTP callbacks.',
        api: 'This API.',
        httpd: 'The HTTP server.',
        dvr: 'Recording.',
        transcode: 'Transcoding.',
        ingest: 'Ingest.',
        stat: 'Statistics.',
        caster: 'Stream casters.',
        complex_send: 'Sending without copies.',
        tcp_nodelay: 'Sending at once.',
        so_sendbuf: 'Buffers of sockets can be set.',
        mr: 'Reads are merged.',
      }),
      'What this server can do.',
    ),
  }),
});

export const HEALTH_BODY = good({
  data: exact({
    live: flag('It answers.'),
    ready: flag('New clients are served; while it starts or stops they are not, and the status is 503.'),
  }),
});

/** Of `rpc=raw`. */
const RAW_BODY = exact({
  code: Type.Literal(0),
  http_api: exact({
    enabled: flag('The API is on.'),
    listen: text('Where it listens, as it is written.', '1985'),
    crossdomain: flag('Pages of other sites may call it.'),
    raw_api: exact({
      enabled: flag('The RAW API is on.'),
      allow_reload: flag('rpc=reload is allowed.'),
      allow_query: flag('rpc=query is allowed.'),
      allow_update: flag('rpc=update is allowed.'),
    }),
  }),
});

const change = Type.Object({}, { description: 'One directive and what became of it.' });

/** Of `rpc=reload` and `rpc=reload-fetch`. */
const RELOAD_BODY = good({
  data: exact({
    err: whole('0: all of it was applied.'),
    msg: text('What became of it, for a person.'),
    state: whole('0: there was none yet, 20: the file cannot be used, 90: applied.'),
    rid: text('Id of the reload; empty: there was none yet.'),
    at_ms: Type.Optional(whole('When, Unix ms.')),
    trigger: Type.Optional(text('Who asked for it.', 'api')),
    problems: Type.Optional(list(Type.String(), 'Why the file cannot be used.')),
    changes: Type.Optional(list(change, 'What was different.')),
  }),
});

/** Of `rpc=update`. */
const UPDATE_BODY = good({
  data: exact({
    changed: flag('The file was, or would be, changed.'),
    dry_run: flag('Nothing was done.'),
    file: text('The file.'),
    changes: list(change, 'Directives that are different.'),
    diff: text('The difference of the text of the file.'),
  }),
});

const asked = (scope: string) =>
  good({ [scope]: Type.Object({}, { description: 'Directives of the configuration in force.' }) });

/** Of `rpc=…`, each its own. */
export const RAW_ANSWER = Type.Union(
  [RAW_BODY, RELOAD_BODY, asked('global'), asked('minimal'), asked('vhost'), UPDATE_BODY],
  { description: 'By rpc and scope.' },
);

export const CLUSTERS_BODY = exact({
  code: Type.Literal(0),
  data: exact({
    query: exact({
      ip: text('Address of the player, as it was given.'),
      vhost: text('Vhost that was asked for.'),
      app: text('Application that was asked for.'),
      stream: text('Stream that was asked for.'),
    }),
    origin: orNull(
      exact({
        ip: text('Address to send the player to.'),
        port: whole('RTMP port there.'),
        vhost: text('Vhost there.'),
        api: text('host:port of the API there.'),
        routers: list(Type.String(), 'Who was asked, against loops.'),
      }),
      'Where the stream is; null: not here.',
    ),
  }),
});

export const REQUESTS_BODY = good({
  data: exact({
    uri: text('URL of the request.'),
    path: text('Path of the request.'),
    METHOD: text('Method of the request.'),
    headers: exact({
      sigature: text('Name of this program (the spelling is that of SRS).'),
      version: text('Version of this program.'),
      link: text('Name of this program.'),
      time: whole("The server's clock, Unix ms."),
    }),
  }),
});
