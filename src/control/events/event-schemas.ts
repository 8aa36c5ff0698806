import type { Static, TObject, TProperties } from 'typebox';
import { Type } from '../../base/json-type.ts';

const text = (description: string, more: object = {}) => Type.String({ description, ...more });
const count = (description: string) => Type.Integer({ minimum: 0, description });

/** Which stream an event is about. */
const STREAM = {
  vhost: text('Name of the vhost.'),
  app: text('Application.'),
  stream: text('Name of the stream.'),
};

const SESSION = {
  ...STREAM,
  client_id: text('Id of the session, as in /api/v1/clients/.'),
  ip: text('Address of the client.'),
  kind: text('What it does, and over what: rtmp-publish, flv-play …'),
};

const event = <Name extends string, Fields extends TProperties>(
  name: Name,
  description: string,
  fields: Fields,
) =>
  Type.Object(
    {
      type: Type.Literal(name),
      at_ms: count('When it happened, Unix ms.'),
      ...fields,
    },
    { description, additionalProperties: false },
  );

const PROBLEM = {
  problem: text('Its name: no_keyframe, no_video, no_audio, silent_audio …'),
  client_id: text('Id of the session that publishes.'),
  message: text('For a person, with figures.'),
  since_ms: count('When the problem began, Unix ms.'),
};

/** What `/api/v1/events` tells, by name. */
export const EVENT_SCHEMAS = {
  stream_published: event('stream_published', 'A publisher began.', SESSION),
  stream_unpublished: event('stream_unpublished', 'The publisher left or was ended.', {
    ...SESSION,
    lasted_ms: count('How long it published, ms.'),
  }),
  stream_waiting: event(
    'stream_waiting',
    'The stream is held for its publisher to come back (hold_time).',
    STREAM,
  ),
  stream_gone: event('stream_gone', 'The stream is over: nobody publishes or watches it.', STREAM),
  session_started: event('session_started', 'A viewer began to play.', SESSION),
  session_ended: event('session_ended', 'A viewer left or was ended.', {
    ...SESSION,
    lasted_ms: count('How long it played, ms.'),
    send_bytes: count('Media bytes that it was sent.'),
    drops: count('How often its queue overflowed.'),
  }),
  segment_done: event('segment_done', 'A segment of HLS is written. Only for those who ask for it by name.', {
    ...STREAM,
    file: text('Path of the file.'),
    url: text('URL of the segment as the playlist has it.'),
    sequence: count('Number of the segment.'),
    duration_ms: count('Length, ms.'),
  }),
  recording_done: event('recording_done', 'A recording is closed and has its name.', {
    ...STREAM,
    file: text('Path of the file.'),
    bytes: count('Size of the file.'),
    duration_ms: count('Length, ms.'),
    problem: text('Why it ended before its time; empty: as planned.'),
  }),
  output_failed: event('output_failed', 'An output of a stream could not do its work.', {
    ...STREAM,
    output: text('hls, dash, dvr, hds …'),
    error: text('Code of the error, see docs/errors.md.'),
    message: text('For a person.'),
    then: Type.Union([Type.Literal('continues'), Type.Literal('stops')], {
      description: 'Whether it goes on with the next file or is over for this publication.',
    }),
  }),
  warning_began: event('warning_began', 'Something is wrong with a stream that is published.', {
    ...STREAM,
    ...PROBLEM,
  }),
  warning_over: event('warning_over', 'A problem of a stream is over.', { ...STREAM, ...PROBLEM }),
  ban_added: event('ban_added', 'Somebody is kept away for some time.', {
    id: text('Id of the ban.'),
    what: text('Whom or what it keeps away.'),
    until_ms: count('When it ends, Unix ms; 0: never.'),
  }),
  ban_removed: event('ban_removed', 'A ban is over or was taken back.', { id: text('Id of the ban.') }),
  server_reloaded: event(
    'server_reloaded',
    'The configuration was read again, and is in force as far as it could be.',
    {
      ok: Type.Boolean({ description: 'The file can be used; if not, nothing has changed.' }),
      trigger: text('What asked for it: SIGHUP, file, api.'),
      applied: Type.Array(Type.String(), { description: 'Directives that were applied.' }),
      restart: Type.Array(Type.String(), { description: 'Directives that need a restart.' }),
      refused: Type.Array(Type.String(), { description: 'Directives that could not be applied.' }),
    },
  ),
} as const satisfies Readonly<Record<string, TObject>>;

/** First event of every answer. It has no id. */
export const HELLO_SCHEMA = Type.Object(
  {
    type: Type.Literal('hello'),
    at_ms: count('Time of the server, Unix ms.'),
    server: text('Id of the server.'),
    service: text('Id of this run of the server.'),
    version: text('Version of the server.'),
    missed: Type.Boolean({
      description: 'Events after Last-Event-ID are forgotten, or were of another run: read the lists again.',
    }),
  },
  { description: 'Begins every answer.', additionalProperties: false },
);

export type EventType = keyof typeof EVENT_SCHEMAS;
export type EventOf<Name extends EventType> = Static<(typeof EVENT_SCHEMAS)[Name]>;
export type ServerEvent = { readonly [Name in EventType]: EventOf<Name> }[EventType];
export type HelloEvent = Static<typeof HELLO_SCHEMA>;
