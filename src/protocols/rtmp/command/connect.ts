import { ServerError } from '../../../base/errors.ts';
import {
  amfEcmaArray,
  AmfEcmaArray,
  amfObject,
  AmfObject,
  isAmfArray,
  type AmfInput,
  type AmfProperties,
  type AmfValue,
} from '../../amf0/index.ts';
import { encodeCommand, type RtmpCommand } from './command.ts';
import { statusObject } from './status.ts';

/** What `connect` says. Spec: Adobe RTMP 1.0, 7.2.1.1. Texts that the peer left out are empty. */
export interface ConnectRequest {
  readonly app: string;
  readonly tcUrl: string;
  readonly flashVer: string;
  readonly swfUrl: string;
  readonly pageUrl: string;
  /** 0 = AMF0, 3 = AMF3. */
  readonly objectEncoding: number;
  /** `nonprivate` from FMLE, ffmpeg and OBS (librtmp); absent from players. */
  readonly type: string;
  /** Enhanced RTMP: codecs that the peer can take, as FourCCs. */
  readonly fourCcList: readonly string[];
  /** What follows the command object, e.g. SRS's edge information or a token. */
  readonly args: readonly AmfValue[];
}

/** Reads the command `connect`. Without an object it is refused; missing or odd properties are not. */
export function readConnect(command: RtmpCommand): ConnectRequest {
  const object = command.object;
  if (!(object instanceof AmfObject) && !(object instanceof AmfEcmaArray)) {
    throw new ServerError('RTMP_COMMAND_INVALID', 'connect without its object');
  }
  const fourCcList = object.get('fourCcList');
  return {
    app: object.string('app') ?? '',
    tcUrl: object.string('tcUrl') ?? '',
    flashVer: object.string('flashVer') ?? '',
    swfUrl: object.string('swfUrl') ?? '',
    pageUrl: object.string('pageUrl') ?? '',
    objectEncoding: object.number('objectEncoding') ?? 0,
    type: object.string('type') ?? '',
    fourCcList: isAmfArray(fourCcList) ? fourCcList.filter((item) => typeof item === 'string') : [],
    args: command.args,
  };
}

/** What our client says of itself. */
export interface ConnectOptions {
  readonly app: string;
  readonly tcUrl: string;
  /** @default 'FMLE/3.0 (compatible; srs-ts)' */
  readonly flashVer?: string;
  readonly swfUrl?: string;
  readonly pageUrl?: string;
  /** Adds `type: 'nonprivate'`, the mark of an encoder. */
  readonly publishing: boolean;
  /** Further properties of the object. */
  readonly extra?: Readonly<Record<string, AmfInput>>;
  /** Values after the object. */
  readonly args?: readonly AmfValue[];
}

/**
 * `connect` as FMLE, ffmpeg and librtmp write it. Players also tell what they can decode: audioCodecs 4071 and videoCodecs
 * 252 (all), videoFunction 1 (seek), capabilities 15, as librtmp does; FMS refuses players without them.
 */
export function encodeConnect(transactionId: number, options: ConnectOptions): Buffer {
  const object = amfObject({ app: options.app });
  if (options.publishing) object.set('type', 'nonprivate');
  object.set('flashVer', options.flashVer ?? 'FMLE/3.0 (compatible; srs-ts)');
  if (options.swfUrl !== undefined) object.set('swfUrl', options.swfUrl);
  object.set('tcUrl', options.tcUrl);
  if (!options.publishing) {
    object.set('fpad', false).set('capabilities', 15).set('audioCodecs', 4071);
    object.set('videoCodecs', 252).set('videoFunction', 1);
  }
  if (options.pageUrl !== undefined) object.set('pageUrl', options.pageUrl);
  object.set('objectEncoding', 0);
  for (const [key, value] of amfObject(options.extra ?? {}).entries) object.set(key, value);
  return encodeCommand('connect', transactionId, object, ...(options.args ?? []));
}

/** What a server says of itself in the answer to `connect`. */
export interface ConnectReply {
  /** As the client asked. */
  readonly objectEncoding: number;
  /** Shown as `data.version`; FMS's number, because players compare it. @default '5,0,20,0' */
  readonly fmsVersion?: string;
  /** Properties of `data`: `srs_server`, `srs_version`, `srs_id`, `srs_pid`, `srs_server_ip` …, which SRS's edges read. */
  readonly data?: Readonly<Record<string, AmfInput>>;
}

/**
 * The answer to `connect`, in SRS's form: properties `fmsVer`, `capabilities` 127, `mode` 1 (its presence tells Flash that
 * the server knows several streams on a connection), then the information object with an ECMA array `data`.
 */
export function encodeConnectResult(transactionId: number, reply: ConnectReply): Buffer {
  const version = reply.fmsVersion ?? '5,0,20,0';
  const info = statusObject('NetConnection.Connect.Success');
  info.set('objectEncoding', reply.objectEncoding);
  info.set('data', amfEcmaArray({ version, ...reply.data }));
  return encodeCommand(
    '_result',
    transactionId,
    amfObject({ fmsVer: `FMS/${version}`, capabilities: 127, mode: 1 }),
    info,
  );
}

/** Where else a client shall go: error 302 as FMS and SRS (origin cluster) send it. */
export interface Redirect {
  /** A tcUrl. */
  readonly tcUrl: string;
  /** The whole URL with the stream, for clients that can read it (`ex.redirect2` of SRS 3). */
  readonly url?: string;
}

/** The information object of a refused `connect`. */
export function rejectedInfo(description: string, redirect?: Redirect): AmfObject {
  const info = statusObject('NetConnection.Connect.Rejected', { description });
  if (redirect === undefined) return info;
  const ex = amfObject({ code: 302, redirect: redirect.tcUrl });
  if (redirect.url !== undefined) ex.set('redirect2', redirect.url);
  return info.set('ex', ex);
}

/** `_error` to `connect`: what Flash, librtmp and ffmpeg all take as a refusal. */
export function encodeConnectError(transactionId: number, description: string, redirect?: Redirect): Buffer {
  return encodeCommand('_error', transactionId, null, rejectedInfo(description, redirect));
}

/** A refusal as `onStatus`, which SRS sends, also after `connect` succeeded (redirect of a play). */
export function encodeRejectedStatus(description: string, redirect?: Redirect): Buffer {
  return encodeCommand('onStatus', 0, null, rejectedInfo(description, redirect));
}

/** The redirect inside an information object. FMS has the URL in `ex.redirect`; SRS adds the full one as `ex.redirect2`. */
export function readRedirect(info: AmfProperties): Redirect | undefined {
  const ex = info.get('ex');
  if (!(ex instanceof AmfObject) && !(ex instanceof AmfEcmaArray)) return undefined;
  const tcUrl = ex.string('redirect');
  if (ex.number('code') !== 302 || tcUrl === undefined) return undefined;
  const url = ex.string('redirect2');
  return url === undefined ? { tcUrl } : { tcUrl, url };
}
