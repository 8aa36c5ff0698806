/** The vhost that serves every name without a block of its own, and every request that names none. SRS's spelling. */
export const DEFAULT_VHOST = '__defaultVhost__';

/** Longest name of a stream, and longest URL that a client is sent to, bytes. */
const MAX_STREAM_NAME_BYTES = 512;
const MAX_REDIRECT_BYTES = 2_048;

/** Whether a text may be the name of a stream: what clients may call one, without a query. */
export function isStreamName(text: string): boolean {
  return (
    text !== '' &&
    Buffer.byteLength(text) <= MAX_STREAM_NAME_BYTES &&
    !/[\x00-\x20\x7f-\x9f\\?&,=#]|\.\.\./.test(text) &&
    text.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** Whether a client can be sent there: an absolute URL, escaped where it must be. */
export function isRedirect(url: string): boolean {
  return (
    Buffer.byteLength(url) <= MAX_REDIRECT_BYTES && /^(?:rtmps?|https?|wss?):\/\/[\x21-\x7e]+$/i.test(url)
  );
}
