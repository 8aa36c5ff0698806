import type { Static } from 'typebox';
import { Type } from '../../../base/json-type.ts';
import { count, exact, flag, good, list, number, orNull, text, TOTAL, whole } from './parts.ts';

export const KBPS = exact(
  {
    recv_30s: count('Received, average of 30 s, kbit/s.', 2_500),
    send_30s: count('Sent, average of 30 s, kbit/s.', 7_500),
    recv_5m: count('Received, average of 5 min, kbit/s.', 2_480),
    send_5m: count('Sent, average of 5 min, kbit/s.', 7_400),
  },
  'Rates; of what is younger, since it began.',
);

/** Object of `/api/v1/vhosts/`. */
export const VHOST = exact(
  {
    id: text('Id; the same for the same name.', 'vid-7a31f0c'),
    name: text('Name of the vhost.', '__defaultVhost__'),
    enabled: flag('It serves clients.'),
    clients: count('Publishers and viewers.'),
    streams: count('Streams that are published, held or waited for.'),
    send_bytes: count('Media bytes sent since the start.'),
    recv_bytes: count('Media bytes received since the start.'),
    kbps: KBPS,
    hls: Type.Object(
      {
        enabled: flag('HLS is on.'),
        fragment: Type.Optional(number('Length of a segment, seconds; only where HLS is on.')),
      },
      { additionalProperties: false, description: 'HLS of the vhost.' },
    ),
  },
  'A vhost that has had a client.',
);

/** How the media of a publisher comes. */
const HEALTH = exact({
  fps: number('Pictures per second over the last seconds.'),
  gop_ms: orNull(count('Length, ms.', 2_000), 'The last whole group of pictures; null: not known yet.'),
  keyframe_ms: orNull(count('Age, ms.', 700), 'The last keyframe; null: none has come.'),
  av_offset_ms: orNull(
    whole('Sound minus picture, ms.', 12),
    'How much sound is ahead of the picture that comes with it; null: one of them is missing.',
  ),
  interleave_ms: count('The farthest that sound and picture that came together were apart, ms.', 40),
  warnings: list(
    exact({
      problem: text('What is wrong: a name of docs/health.md.', 'no_keyframe'),
      message: text('The same for a person, with figures.', 'no keyframe for 17 s'),
      since_ms: count('Since when, Unix ms.'),
    }),
    'What is wrong now.',
  ),
});

/** Object of `/api/v1/streams/`. */
export const STREAM = exact(
  {
    id: text('Id; the same for the same name.', 'str-19c2b4e'),
    name: text('Name of the stream.', 'show'),
    vhost: text('Id of the vhost.', 'vid-7a31f0c'),
    app: text('Application.', 'live'),
    tcUrl: text('URL that the publisher connected to, without secrets.', 'rtmp://studio/live'),
    url: text('vhost/app/stream; the default vhost is left out.', '/live/show'),
    live_ms: count("The server's clock, Unix ms."),
    clients: count('The publisher and the viewers of all protocols.'),
    frames: count('Pictures of the present publisher.'),
    video_frames: count('The same.'),
    audio_frames: count('Sound frames of the present publisher.'),
    timeline_repairs: count('Timestamps of the present publisher that had to be repaired.'),
    drops: count('Times that queues of its viewers overflowed.'),
    queue_ms: count('Media in the longest queue of a viewer, ms.'),
    health: orNull(HEALTH, 'How its media comes; null: nobody publishes it.'),
    send_bytes: count('Media bytes sent since the stream is here.'),
    recv_bytes: count('Media bytes received since the stream is here.'),
    kbps: KBPS,
    publish: exact(
      {
        active: flag('Somebody publishes it.'),
        cid: text('Id of the client that publishes.', '9q2m7x1ab'),
        started_ms: count('Since when, Unix ms; 0: nobody publishes.'),
      },
      'Who publishes.',
    ),
    video: orNull(
      exact({
        codec: text('H264, HEVC, AV1, VP6 or Other.', 'H264'),
        profile: text('Profile.', 'High'),
        level: text('Level.', '3.1'),
        width: count('Width, pixels.', 1_280),
        height: count('Height, pixels.', 720),
      }),
      'The picture; null: there is none, or none is known yet.',
    ),
    audio: orNull(
      exact({
        codec: text('AAC, MP3, Opus or Other.', 'AAC'),
        sample_rate: count('Samples per second.', 48_000),
        channel: count('Channels.', 2),
        profile: text('Profile.', 'LC'),
      }),
      'The sound; null: there is none, or none is known yet.',
    ),
  },
  'A stream that is published, held for its publisher or waited for.',
);

/** Object of `/api/v1/clients/`. */
export const CLIENT = exact(
  {
    id: text('Id of the session.', '9q2m7x1ab'),
    vhost: text('Id of the vhost.'),
    stream: text('Id of the stream.'),
    ip: text('Address of the client.', '203.0.113.9'),
    pageUrl: text('Page that it came from, without secrets.'),
    swfUrl: text('Flash program that it said it is, without secrets.'),
    tcUrl: text('URL that it connected to, without secrets.'),
    url: text('vhost/app/stream; the default vhost is left out.', '/live/show'),
    name: text('Name of the stream.', 'show'),
    type: text("SRS's name of its kind: fmle-publish, rtmp-play, flv-play, hls-play …", 'flv-play'),
    kind: text('Our name of its kind.', 'ws-flv-play'),
    transport: text('rtmp, rtmps, http, https, ws or wss; empty: not known.', 'ws'),
    user_agent: text('User-Agent over HTTP, flashVer over RTMP.'),
    publish: flag('It publishes.'),
    alive: number('Age, seconds.'),
    started_ms: count('When it began, Unix ms.'),
    send_bytes: count('Media bytes sent to it.'),
    recv_bytes: count('Media bytes received from it.'),
    kbps: KBPS,
    queue_ms: count('Media that waits for this viewer, ms.'),
    queue_bytes: count('Bytes that wait for this viewer.'),
    drops: count('How often its queue overflowed.'),
    dropped_bytes: count('Bytes that its queue gave up.'),
    rtt_ms: orNull(number('Round trip, ms.'), 'Round trip to the client; null: not known.'),
  },
  'A publisher or viewer.',
);

/** Object of `/api/v1/bans/`. */
export const BAN = exact(
  {
    id: text('Id of the ban.'),
    ip: text('Address or range that is kept away; empty: from anywhere.', '203.0.113.0/24'),
    stream: text('vhost/app/stream; empty: every stream.'),
    action: Type.Union([Type.Literal('publish'), Type.Literal('play'), Type.Literal('all')], {
      description: 'What is forbidden.',
    }),
    reason: text('Why.'),
    created_ms: whole('Since when, Unix ms.'),
    expires_ms: whole('Until when, Unix ms; 0: until it is lifted.'),
  },
  'Who must not publish or play.',
);

export type VhostObject = Static<typeof VHOST>;
export type StreamObject = Static<typeof STREAM>;
export type ClientObject = Static<typeof CLIENT>;
export type BanObject = Static<typeof BAN>;

const BANNED = {
  ban: BAN,
  kicked: count('Sessions that were ended by it.'),
};

export const VHOSTS_BODY = good({ vhosts: list(VHOST, 'Vhosts that have had a client.') });
export const VHOST_BODY = good({ vhost: VHOST });
export const STREAMS_BODY = good({ total: TOTAL, streams: list(STREAM, 'One page.') });
export const STREAM_BODY = good({ stream: STREAM });
export const CLIENTS_BODY = good({ total: TOTAL, clients: list(CLIENT, 'One page.') });
export const CLIENT_BODY = good({ client: CLIENT });
export const BANS_BODY = good({ total: TOTAL, bans: list(BAN, 'One page.') });
export const BAN_BODY = good({ ban: BAN });
export const BANNED_BODY = good(BANNED);
/** Of a DELETE, which may ban. */
export const ENDED_BODY = good({
  ban: Type.Optional(BAN),
  kicked: Type.Optional(count('With a ban: sessions that were ended by it.')),
});
