import assert from 'node:assert/strict';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { createHub } from '../../src/hub/hub.ts';
import type { Undo } from '../../src/base/undo.ts';
import type { FileRights } from '../../src/hub/file-admission.ts';
import type { AccessGrant, AccessRequest, AttendRequest, FrameTap, Hub } from '../../src/hub/ports.ts';
import { PlaylistDocument, type ServingOptions } from '../../src/outputs/hls/serving/index.ts';
import { GuardedFile } from '../../src/storage/guarded-file.ts';
import type { LiveResource, ResourceRequest } from '../../src/storage/live-resources.ts';
import { FakeLivePlaylist, resourceRequest, type FakePlaylistOptions } from './fake-live-playlist.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from './hub-fixtures.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryLogger } from './memory-logger.ts';

const ALL_ON: ServingOptions = { viewerSessions: true, segmentSessions: true, relativeMaster: false };
export const ALL_OFF: ServingOptions = {
  viewerSessions: false,
  segmentSessions: false,
  relativeMaster: false,
};
/** Keeps the stream for its hold time, as an output does. */
const TAP: FrameTap = {
  name: 'hls',
  onFrame: () => undefined,
  onState: () => undefined,
  onEnd: () => undefined,
};

export interface ServingSettings {
  readonly options?: Partial<ServingOptions>;
  readonly playlist?: FakePlaylistOptions;
  readonly maxSessions?: number;
  readonly segments?: number;
  readonly attend?: (request: AttendRequest) => Undo | undefined;
  readonly check?: (request: AccessRequest) => Promise<unknown>;
  readonly rights?: FileRights;
}

/** A document of a fake playlist, for viewers whom a hub counts; the hub's clock is the test's. */
export function setUpServing(settings: ServingSettings = {}) {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const wheel = new TimerWheel(clock);
  const live = new FakeLivePlaylist(settings.playlist);
  for (let i = 0; i < (settings.segments ?? 3); i += 1) live.addSegment();
  const seen: string[] = [];
  const hub = createHub({
    clock,
    logger,
    optionsFor: () => STREAM_OPTIONS,
    observers: [
      {
        playStarted: (_name, session) => void seen.push(`+${session.type}`),
        playEnded: (_name, session, stats) => void seen.push(`-${session.type} ${stats.sentBytes}`),
      },
    ],
  });
  const lease = hub.publish(LIVE_DEMO, sessionOf('pub'));
  hub.find(LIVE_DEMO)?.tap(TAP);
  const asked: AccessRequest[] = [];
  const document = new PlaylistDocument(
    { ...ALL_ON, ...settings.options },
    {
      live,
      clock,
      wheel,
      logger,
      access: {
        check: async (request) => {
          asked.push(request);
          return (await settings.check?.(request)) as AccessGrant | undefined;
        },
      },
      rights: settings.rights,
      attend: settings.attend ?? ((request) => hub.find(LIVE_DEMO)?.attend(request)),
      ...(settings.maxSessions === undefined ? {} : { maxSessions: settings.maxSessions }),
    },
  );
  const get = async (query = '', more: Partial<ResourceRequest> = {}) =>
    document.respond(resourceRequest(query, more));
  return { clock, logger, wheel, live, hub, seen, lease, asked, document, get };
}

/** A file as the output of this playlist serves it. */
export function guarded(document: PlaylistDocument, file: LiveResource): GuardedFile {
  return new GuardedFile(file, { kind: 'hls', name: LIVE_DEMO, admit: document.admit });
}

/** The id that a master playlist gave. */
export function contextIn(text: string): string {
  const context = /hls_ctx=([A-Za-z0-9_-]+)/.exec(text)?.[1];
  assert.ok(context, text);
  return context;
}

/** Viewers of the stream as the hub counts them. */
export const viewersOf = (hub: Hub): number | undefined => hub.find(LIVE_DEMO)?.snapshot().viewers;
