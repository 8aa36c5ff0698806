import { posix } from 'node:path';
import { checkFileNames } from './file-checks.ts';
import { otherPlace, printable } from './problem.ts';
import type { Diagnostics, Origin } from './problem.ts';
import type { Config } from './schema/root.ts';
import { checkTokens } from './token-checks.ts';

/** The endings of `http_remux mount`, each a format. */
const LIVE_ENDINGS: readonly string[] = ['.flv', '.ts', '.aac', '.mp3'];

/** What must hold between directives, once each of them is right by itself. */
export function checkConfig(
  config: Config,
  origins: ReadonlyMap<string, Origin>,
  file: string,
  diagnostics: Diagnostics,
): void {
  const at = (key: string): Origin => origins.get(key) ?? { file, line: 0, column: 0 };

  if (config.srsLogTank === 'file' && config.srsLogFile === '')
    diagnostics.error(at('srsLogFile'), 'srs_log_file', 'is empty, but srs_log_tank is file', {
      expected: 'a path',
    });

  if (config.asprocess && config.daemon)
    diagnostics.error(
      at('asprocess'),
      'asprocess',
      'is on, but daemon is on too: a daemon has no parent process',
      {
        expected: "'daemon off;'",
      },
    );

  const { username, password } = config.httpApi.auth;
  if ((username === '') !== (password === '')) {
    const [is, isNot] = username === '' ? ['password', 'username'] : ['username', 'password'];
    const message = `is ignored: ${isNot} is not set`;
    diagnostics.warn(at(`httpApi.auth.${is}`), `http_api.auth.${is}`, message, { expected: 'both or none' });
  } else if (username.includes(':')) {
    const message = 'holds a colon, which ends a name on its way here: nobody can give it';
    diagnostics.warn(at('httpApi.auth.username'), 'http_api.auth.username', message);
  }

  checkFileNames(config.vhosts, at, (key) => origins.has(key), diagnostics);

  const names = new Map<string, Origin>();
  config.vhosts.forEach((vhost, v) => {
    const key = `vhosts[${v}]`;
    const first = names.get(vhost.name);
    if (first === undefined) names.set(vhost.name, at(key));
    else
      diagnostics.warn(
        at(key),
        'vhost',
        `'${printable(vhost.name)}' is ignored: ${otherPlace(first, at(key))} has it already, and the first one counts`,
      );

    checkTokens(vhost, (inner) => at(`${key}.${inner}`), diagnostics);

    const { enabled, mount } = vhost.httpRemux;
    if (enabled && !LIVE_ENDINGS.includes(posix.extname(mount)))
      diagnostics.error(
        at(`${key}.httpRemux.mount`),
        'vhost.http_remux.mount',
        `'${printable(mount)}' has no ending of a live body`,
        { expected: `one of ${LIVE_ENDINGS.join(' ')}` },
      );

    if (vhost.hls.enabled && vhost.hls.hlsLl && vhost.hls.hlsKeys)
      diagnostics.error(
        at(`${key}.hls.hlsLl`),
        'vhost.hls.hls_ll',
        'is on, but hls_keys is on too: parts of segments are not encrypted',
        { expected: 'one of the two' },
      );

    const ids = new Map<string, Origin>();
    vhost.ingests.forEach((ingest, i) => {
      const ingestKey = `${key}.ingests[${i}]`;
      const same = ids.get(ingest.id);
      if (same === undefined) ids.set(ingest.id, at(ingestKey));
      else
        diagnostics.error(
          at(ingestKey),
          'vhost.ingest',
          `${otherPlace(same, at(ingestKey))} has an ingest '${printable(ingest.id)}' already`,
          { expected: 'ids that differ' },
        );
      if (!ingest.enabled) return;
      if (ingest.input.url === '')
        diagnostics.error(at(ingestKey), 'vhost.ingest.input.url', 'is not set', {
          expected: 'a path or a URL',
        });
      if (ingest.engines.every((engine) => engine.output === ''))
        diagnostics.error(at(ingestKey), 'vhost.ingest.engine.output', 'is not set', {
          expected: 'an RTMP URL',
        });
    });
  });
}
