import { Buffer } from 'node:buffer';
import { writeMasterPlaylist } from '../../../containers/m3u8/index.ts';
import type { LivePlaylist } from '../live-playlist.ts';
import { CONTEXT_PARAMETER } from './playlist-query.ts';

export interface MasterRequest {
  /** Of the URL, as it was asked for. */
  readonly path: string;
  /** The viewer's other parameters. */
  readonly rest: string;
  readonly context: string;
  /** [hls_master_m3u8_path_relative] */
  readonly relative: boolean;
}

/** [hls_ctx] The master playlist that gives a viewer an id. Its one variant is the same path with it. */
export function masterText(live: LivePlaylist, request: MasterRequest): Buffer {
  const { bandwidth, averageBandwidth, codecs, width, height, frameRate } = live.facts;
  const text = writeMasterPlaylist({
    ...(live.playlist?.independentSegments === true ? { independentSegments: true } : {}),
    variants: [
      {
        uri: variantUri(request),
        bandwidth,
        averageBandwidth,
        ...(codecs === undefined ? {} : { codecs }),
        ...(width === undefined || height === undefined ? {} : { resolution: { width, height } }),
        ...(frameRate === undefined ? {} : { frameRate }),
      },
    ],
  });
  return Buffer.from(text, 'latin1');
}

function variantUri({ path, rest, context, relative }: MasterRequest): string {
  const query = `${CONTEXT_PARAMETER}=${context}${rest === '' ? '' : `&${rest}`}`;
  if (relative) {
    // `./`, since a name with a colon would be read as a URL with a scheme (RFC 3986, 4.2).
    const name = path.slice(path.lastIndexOf('/') + 1);
    return `${name.includes(':') ? './' : ''}${name}?${query}`;
  }
  // Two slashes in front would name another host.
  return `${path.replace(/^\/*/, '/')}?${query}`;
}
