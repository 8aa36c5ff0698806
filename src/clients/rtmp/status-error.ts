import { ServerError, type ErrorCode } from '../../base/errors.ts';
import { readRedirect, type Redirect, type StatusInfo } from '../../protocols/rtmp/index.ts';

/** A server's refusal, with its own words. */
export class RtmpStatusError extends ServerError {
  /** The server's code, such as `NetStream.Publish.BadName`; empty when it gave none. */
  readonly statusCode: string;
  readonly redirect: Redirect | undefined;

  constructor(code: ErrorCode, status: StatusInfo | undefined) {
    super(code, status === undefined ? 'refused without a reason' : wordsOf(status));
    this.statusCode = status?.code ?? '';
    this.redirect = status === undefined ? undefined : readRedirect(status.properties);
  }
}

/** The error of a status that ends the setup of a publish or play. `otherwise` is the code of what has no code of its own. */
export function refusal(status: StatusInfo | undefined, otherwise: ErrorCode): RtmpStatusError {
  if (status !== undefined && readRedirect(status.properties) !== undefined) {
    return new RtmpStatusError('RTMP_REDIRECTED', status);
  }
  switch (status?.code ?? '') {
    case 'NetStream.Publish.BadName':
      return new RtmpStatusError('STREAM_BUSY', status);
    case 'NetStream.Play.StreamNotFound':
      return new RtmpStatusError('STREAM_NOT_FOUND', status);
    case 'NetConnection.Connect.Rejected':
    case 'NetConnection.Connect.InvalidApp':
      return new RtmpStatusError('RTMP_REJECTED', status);
    default:
      return new RtmpStatusError(otherwise, status);
  }
}

/** A status that says no: by its level, or by its code for servers that leave the level out. */
export function isRefusal(status: StatusInfo): boolean {
  return (
    status.level === 'error' ||
    /\.(Rejected|Failed|BadName|Denied|StreamNotFound|InvalidApp)$/.test(status.code)
  );
}

function wordsOf(status: StatusInfo): string {
  return [status.code, status.description].filter((part) => part !== '').join(': ');
}
