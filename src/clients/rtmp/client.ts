import { ServerError } from '../../base/errors.ts';
import {
  encodeFcPublish,
  encodePlay,
  encodePublish,
  encodeReleaseStream,
  parseRtmpUrl,
  USER_CONTROL_EVENT,
  type RtmpUrl,
} from '../../protocols/rtmp/index.ts';
import type { RtmpClientOptions } from './options.ts';
import { RtmpPlayer, type RtmpPlayOptions } from './player.ts';
import { RtmpPublisher, type RtmpPublishOptions } from './publisher.ts';
import { ClientSession } from './session.ts';
import { RtmpStatusError } from './status-error.ts';

const DEFAULT_MAX_REDIRECTS = 3;
const DEFAULT_BUFFER_MS = 3_000;

/**
 * Publishes to `rtmp://host[:port]/app/stream`, in the way of FMLE and OBS: connect, releaseStream, FCPublish, createStream,
 * publish. Resolves when the server has accepted the stream. Rejects with a ServerError: RTMP_REJECTED, STREAM_BUSY,
 * RTMP_PUBLISH_REFUSED, CONNECT_FAILED, SESSION_TIMEOUT, SESSION_CLOSED … Reconnecting is left to the caller.
 */
export function publish(url: string | RtmpUrl, options: RtmpPublishOptions = {}): Promise<RtmpPublisher> {
  return follow(url, options, async (at) => {
    const session = await ClientSession.open(at, options, true);
    const publisher = new RtmpPublisher(session, at, options);
    // Answers to these two come or not (nginx-rtmp sends none): nobody waits.
    session.tell((id) => encodeReleaseStream(id, at.stream));
    session.tell((id) => encodeFcPublish(id, at.stream));
    await session.createStream();
    const accepted = session.expectStatus('NetStream.Publish.Start', 'RTMP_PUBLISH_REFUSED');
    session.tell((id) => encodePublish(id, at.stream, options.mode ?? 'live'), session.streamId);
    await accepted;
    return publisher.start();
  });
}

/**
 * Plays `rtmp://host[:port]/app/stream`. Resolves when the server has started the stream, which on most servers is at once,
 * also while nobody publishes it. Rejects as `publish` does, and with STREAM_NOT_FOUND or RTMP_PLAY_FAILED.
 */
export function play(url: string | RtmpUrl, options: RtmpPlayOptions = {}): Promise<RtmpPlayer> {
  return follow(url, options, async (at) => {
    const session = await ClientSession.open(at, options, false);
    const player = new RtmpPlayer(session, at, options);
    await session.createStream();
    const started = session.expectStatus('NetStream.Play.Start', 'RTMP_PLAY_FAILED');
    const { start = 'any' } = options;
    const startMs = start === 'any' ? -2000 : start === 'live' ? -1000 : start;
    session.tell((id) => encodePlay(id, at.stream, startMs, options.durationMs), session.streamId);
    const bufferMs = options.bufferMs ?? DEFAULT_BUFFER_MS;
    session.userControl(USER_CONTROL_EVENT.SET_BUFFER_LENGTH, session.streamId, bufferMs);
    // Media may follow the answer in the same read.
    session.attach(player);
    await Promise.race([started, player.firstMessage()]);
    return player.start();
  });
}

/** Runs `attempt`, again at another address as long as servers send redirects. */
async function follow<T>(
  url: string | RtmpUrl,
  options: RtmpClientOptions,
  attempt: (at: RtmpUrl) => Promise<T>,
): Promise<T> {
  let at = typeof url === 'string' ? parseRtmpUrl(url) : url;
  if (at.stream === '') throw new ServerError('URL_INVALID', 'URL without a stream name');
  for (let left = options.maxRedirects ?? DEFAULT_MAX_REDIRECTS; ; left -= 1) {
    try {
      return await attempt(at);
    } catch (error) {
      if (!(error instanceof RtmpStatusError) || error.redirect === undefined || left <= 0) throw error;
      at = redirected(at, error);
    }
  }
}

/** SRS gives the whole URL in `redirect2`; FMS, and SRS in `redirect`, give a tcUrl. */
function redirected(from: RtmpUrl, error: RtmpStatusError): RtmpUrl {
  const { tcUrl = '', url } = error.redirect ?? {};
  try {
    const to = parseRtmpUrl(url ?? `${tcUrl.replace(/\/+$/, '')}/${from.stream}`);
    if (to.stream !== '') return to;
  } catch (cause) {
    throw new ServerError('RTMP_REDIRECTED', 'redirected to a URL that cannot be read', { cause });
  }
  throw new ServerError('RTMP_REDIRECTED', 'redirected to a URL without a stream');
}
