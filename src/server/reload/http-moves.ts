import type { Config, ConfigChange } from '../../config/index.ts';
import type { HttpSide } from '../http-side.ts';
import { sharesPort } from '../shared-port.ts';
import type { ListenerMove } from './listener-moves.ts';

/** [http_server, http_api] Moves of their listeners: each of its own, or all together where they have, or had, one port for both. */
export function httpMoves(
  http: HttpSide,
  before: Config,
  next: Config,
  changes: readonly ConfigChange[],
): readonly ListenerMove[] {
  const of = (pattern: RegExp): readonly ConfigChange[] =>
    changes.filter(({ directive }) => pattern.test(directive));
  if (sharesPort(before) || sharesPort(next)) {
    const all = of(/^http_(server|api)\.(enabled$|listen$|https\.)/);
    return [{ changes: all, run: () => http.moveTogether(before, next) }];
  }
  return [
    { changes: of(/^http_server\.(enabled|listen)$/), run: () => http.moveHttp(next) },
    { changes: of(/^http_server\.https\./), run: () => http.moveHttps(next) },
    { changes: of(/^http_api\.(enabled|listen)$/), run: () => http.moveApi(next) },
    { changes: of(/^http_api\.https\./), run: () => http.moveApiHttps(next) },
  ];
}
