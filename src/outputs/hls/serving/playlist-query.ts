import { isContext, vhostOf } from '../../../hub/viewer-context.ts';

/** What the query of a playlist's URL asks for. Spec: draft-pantos-hls-rfc8216bis (`bis`), 6.2.5. */
export interface PlaylistQuery {
  /** [hls_ctx] Which viewer asks; undefined when there is none, or none that could be ours. */
  readonly context: string | undefined;
  /** `_HLS_msn`, `_HLS_part`: wait until these are there. */
  readonly sequence: number | undefined;
  readonly part: number | undefined;
  /** `_HLS_skip`: a delta update will do. */
  readonly skip: boolean;
  /** `vhost=NAME`, as it came: whoever found the playlist by it finds the segments only so. */
  readonly vhost: string | undefined;
  /** The other parameters as they came, `vhost` too, with `&` between them. */
  readonly rest: string;
}

/** [hls_ctx] The parameter that tells one viewer from another. */
export const CONTEXT_PARAMETER = 'hls_ctx';

const COUNT = /^\d{1,15}$/;

/** Reads a query without its `?`. A text says what is wrong with the directives in it. */
export function readPlaylistQuery(query: string): PlaylistQuery | string {
  let context: string | undefined;
  let sequence: number | undefined;
  let part: number | undefined;
  let skip = false;
  const rest: string[] = [];
  for (const parameter of query === '' ? [] : query.split('&')) {
    const equals = parameter.indexOf('=');
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    const value = equals < 0 ? '' : parameter.slice(equals + 1);
    if (name === CONTEXT_PARAMETER) {
      if (isContext(value)) context ??= value;
    } else if (name === '_HLS_msn') {
      if (!COUNT.test(value)) return '_HLS_msn is not a number';
      sequence = Number(value);
    } else if (name === '_HLS_part') {
      if (!COUNT.test(value)) return '_HLS_part is not a number';
      part = Number(value);
    } else if (name === '_HLS_skip') {
      // `v2` leaves out date ranges as well, of which there are none. Any other value is of a later version.
      skip = value === 'YES' || value === 'v2';
    } else if (!name.startsWith('_HLS_') && parameter !== '') {
      // Names with this prefix belong to the protocol (bis, 6.2.5): nothing of the viewer's to keep.
      rest.push(parameter);
    }
  }
  // bis, 6.2.5.2: a part without its segment is a bad request.
  if (part !== undefined && sequence === undefined) return '_HLS_part without _HLS_msn';
  return { context, sequence, part, skip, vhost: vhostOf(query), rest: rest.join('&') };
}
