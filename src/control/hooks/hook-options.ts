/** The events that a back end can be called for, by SRS's names. */
export const HOOK_EVENTS = [
  'on_connect',
  'on_close',
  'on_publish',
  'on_unpublish',
  'on_play',
  'on_stop',
  'on_dvr',
  'on_hls',
  'on_hls_notify',
] as const;

export type HookEvent = (typeof HOOK_EVENTS)[number];

/** Events whose answer decides; all others are told. */
export type DecidingEvent = 'on_connect' | 'on_publish' | 'on_play';

/** [http_hooks] What a vhost says. */
export interface HookOptions {
  /** What is called for each event, in order. */
  readonly urls: Readonly<Partial<Record<HookEvent, readonly string[]>>>;
  /** The longest that one call may take, ms. */
  readonly timeoutMs: number;
  /** How often the call of an event that does not decide is repeated when there was no answer. */
  readonly retries: number;
  /** Key of the signature; empty = calls are not signed. */
  readonly secret: string;
  /** Events that are granted when there is no answer. */
  readonly failOpen: readonly string[];
  /** Whether the certificate of an HTTPS server must be valid. */
  readonly verifyTls: boolean;
  /** [hls_nb_notify] How much of an answer to on_hls_notify is read, bytes. */
  readonly notifyBytes: number;
}
