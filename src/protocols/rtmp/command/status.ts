import { AmfEcmaArray, amfObject, AmfObject, type AmfProperties } from '../../amf0/index.ts';
import { encodeCommand, type RtmpCommand } from './command.ts';

/** Status codes that this server sends, with level and wording (SRS's, where it has one). Spec: RTMP 1.0, 7.2.2. */
export const STATUS = {
  'NetConnection.Connect.Success': { level: 'status', description: 'Connection succeeded' },
  'NetConnection.Connect.Rejected': { level: 'error', description: 'Connection rejected' },
  'NetConnection.Connect.InvalidApp': { level: 'error', description: 'No such application' },
  'NetConnection.Connect.Closed': { level: 'status', description: 'Connection closed' },
  'NetConnection.Call.Failed': { level: 'error', description: 'Call failed' },
  'NetStream.Publish.Start': { level: 'status', description: 'Started publishing stream.' },
  'NetStream.Publish.BadName': { level: 'error', description: 'Stream already publishing.' },
  'NetStream.Publish.Denied': { level: 'error', description: 'Publishing denied.' },
  'NetStream.Publish.Rejected': { level: 'error', description: 'Publishing rejected.' },
  'NetStream.Unpublish.Success': { level: 'status', description: 'Stream is now unpublished' },
  'NetStream.Play.Reset': { level: 'status', description: 'Playing and resetting stream.' },
  'NetStream.Play.Start': { level: 'status', description: 'Started playing stream.' },
  'NetStream.Play.Stop': { level: 'status', description: 'Stopped playing stream.' },
  'NetStream.Play.Complete': { level: 'status', description: 'Stream ended.' },
  'NetStream.Play.StreamNotFound': { level: 'error', description: 'Stream not found.' },
  'NetStream.Play.UnpublishNotify': { level: 'status', description: 'Stream is now unpublished.' },
  'NetStream.Play.PublishNotify': { level: 'status', description: 'Stream is now published.' },
  'NetStream.Play.Failed': { level: 'error', description: 'Playing failed.' },
  'NetStream.Pause.Notify': { level: 'status', description: 'Paused stream.' },
  'NetStream.Unpause.Notify': { level: 'status', description: 'Unpaused stream.' },
  'NetStream.Seek.Notify': { level: 'status', description: 'Seeking.' },
  'NetStream.Seek.Failed': { level: 'error', description: 'A live stream cannot seek.' },
  'NetStream.Data.Start': { level: 'status', description: 'Data starts.' },
} as const satisfies Record<string, { level: 'status' | 'error' | 'warning'; description: string }>;

export type StatusCode = keyof typeof STATUS;

/** Client id of FMS's examples, which SRS sends to everybody; some FMLE versions want any. */
const CLIENT_ID = 'ASAICiss';

export interface StatusOptions {
  /** @default the text of `STATUS` */
  readonly description?: string;
  /** Name of the stream. */
  readonly details?: string;
  /** Adds `clientid`, which FMLE expects in publish and play answers. */
  readonly withClientId?: boolean;
}

/** The information object of a status: level, code, description, and what else was asked for, in this order. */
export function statusObject(code: StatusCode, options: StatusOptions = {}): AmfObject {
  const { level, description } = STATUS[code];
  const object = amfObject({ level, code, description: options.description ?? description });
  if (options.details !== undefined) object.set('details', options.details);
  if (options.withClientId === true) object.set('clientid', CLIENT_ID);
  return object;
}

/** `onStatus(null, info)`: a command on the message stream of the publish or play; its id is 0. */
export function encodeOnStatus(code: StatusCode, options: StatusOptions = {}): Buffer {
  return encodeCommand('onStatus', 0, null, statusObject(code, options));
}

/** What a status or an error says. `code` is free text of the peer; `properties` has the rest. */
export interface StatusInfo {
  readonly level: string;
  readonly code: string;
  readonly description: string;
  readonly properties: AmfProperties;
}

/** The information object of `onStatus`, `_result` or `_error`; undefined when there is none. */
export function readStatus(command: RtmpCommand): StatusInfo | undefined {
  // Wowza and old Red5 put it first or second, and nothing else is an object there.
  const info = [...command.args, command.object].find(
    (value) => (value instanceof AmfObject || value instanceof AmfEcmaArray) && value.entries.has('code'),
  );
  if (!(info instanceof AmfObject) && !(info instanceof AmfEcmaArray)) return undefined;
  return {
    level: info.string('level') ?? '',
    code: info.string('code') ?? '',
    description: info.string('description') ?? '',
    properties: info,
  };
}
