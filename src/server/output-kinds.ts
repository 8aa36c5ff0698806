import { resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { OutputObserver } from '../hub/output-events.ts';
import type { Undo } from '../base/undo.ts';
import type { FileRights } from '../hub/file-admission.ts';
import type { AccessPolicy, AttendRequest, StreamName } from '../hub/ports.ts';
import { DashOutput, type DashOptions } from '../outputs/dash/index.ts';
import { HdsOutput, type HdsOptions } from '../outputs/hds/index.ts';
import { HlsOutputs, PlaylistDocument, type HlsOptions } from '../outputs/hls/index.ts';
import { appliesTo, DvrOutput, type DvrOptions, type RecordingNames } from '../outputs/dvr/index.ts';
import type { DelayedRemovals } from '../storage/delayed-removals.ts';
import type { LiveResources } from '../storage/live-resources.ts';
import type { OutputKind } from './stream-outputs.ts';

/** What outputs that make files need of the server. */
export interface OutputKindDeps {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
  readonly observer: OutputObserver;
  readonly access: AccessPolicy;
  /** Who may have the files. */
  readonly rights: FileRights;
  /** Counts a viewer who is served by an output; undefined where there is no such stream any more. */
  readonly attend: (name: StreamName, request: AttendRequest) => Undo | undefined;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  readonly names: RecordingNames;
  /** [utc_time] */
  readonly utc: () => boolean;
}

/** Everything that can be made of a stream besides what its viewers get. */
export function outputKinds(deps: OutputKindDeps): readonly OutputKind[] {
  return [hlsKind(deps), dvrKind(deps), dashKind(deps), hdsKind(deps)];
}

/** [hls] */
function hlsKind(deps: OutputKindDeps): OutputKind<HlsOptions> {
  const outputs = new HlsOutputs({
    ...deps,
    document: (live, options) =>
      new PlaylistDocument(options, { ...deps, live, attend: (request) => deps.attend(live.name, request) }),
  });
  return {
    name: 'hls',
    options({ hls }) {
      if (!hls.enabled) return undefined;
      const fmp4 = hls.hlsUseFmp4 || hls.hlsLl;
      return {
        root: resolve(hls.hlsPath),
        playlistFile: hls.hlsM3u8File,
        segmentFile: fmp4 ? hls.hlsFmp4File : hls.hlsTsFile,
        initFile: hls.hlsInitFile,
        fmp4,
        fragmentMs: hls.hlsFragmentMs,
        targetRatio: hls.hlsTdRatio,
        audioOnlyRatio: hls.hlsAofRatio,
        windowMs: hls.hlsWindowMs,
        onError: hls.hlsOnError,
        floorNames: hls.hlsTsFloor,
        entryPrefix: hls.hlsEntryPrefix,
        expectsAudio: hls.hlsAcodec !== 'an',
        expectsVideo: hls.hlsVcodec !== 'vn',
        cleanup: hls.hlsCleanup,
        disposeMs: hls.hlsDisposeMs,
        waitKeyframe: hls.hlsWaitKeyframe,
        encrypt: hls.hlsKeys,
        segmentsPerKey: hls.hlsFragmentsPerKey,
        keyFile: hls.hlsKeyFile,
        keyRoot: hls.hlsKeyFilePath === '' ? '' : resolve(hls.hlsKeyFilePath),
        keyUrl: hls.hlsKeyUrl,
        audioTimes: hls.hlsDtsDirectly ? 'stream' : 'samples',
        recover: hls.hlsRecover,
        lowLatency: hls.hlsLl,
        partMs: hls.hlsLlPartMs,
        programDateTime: hls.hlsProgramDateTime,
        endList: hls.hlsEndlist,
        viewerSessions: hls.hlsCtx,
        segmentSessions: hls.hlsTsCtx,
        relativeMaster: hls.hlsMasterM3u8PathRelative,
        utc: deps.utc(),
      };
    },
    create: (start) => outputs.create(start),
    close: () => outputs.close(),
  };
}

/** [dash] */
function dashKind(deps: OutputKindDeps): OutputKind<DashOptions> {
  return {
    name: 'dash',
    options({ dash }) {
      if (!dash.enabled) return undefined;
      return {
        fragmentMs: dash.dashFragmentMs,
        updatePeriodMs: dash.dashUpdatePeriodMs,
        timeshiftMs: dash.dashTimeshiftMs,
        windowSegments: dash.dashWindowSize,
        path: resolve(dash.dashPath),
        mpdFile: dash.dashMpdFile,
        cleanup: dash.dashCleanup,
        disposeMs: dash.dashDisposeMs,
        viewerSessions: dash.dashCtx,
        utc: deps.utc(),
      };
    },
    create: (start) => new DashOutput(start, { ...deps, viewers: deps }),
  };
}

/** [dvr] */
function dvrKind(deps: OutputKindDeps): OutputKind<DvrOptions> {
  return {
    name: 'dvr',
    options({ dvr }, name) {
      if (!dvr.enabled || !appliesTo(dvr.dvrApply, name)) return undefined;
      return {
        plan: dvr.dvrPlan,
        path: dvr.dvrPath,
        fragmented: dvr.dvrFmp4,
        segmentMs: dvr.dvrDurationMs,
        waitKeyframe: dvr.dvrWaitKeyframe,
        timeJitter: dvr.timeJitter,
      };
    },
    create: (start) => new DvrOutput(deps, start),
  };
}

/** [hds] */
function hdsKind(deps: OutputKindDeps): OutputKind<HdsOptions> {
  return {
    name: 'hds',
    options({ hds }) {
      if (!hds.enabled) return undefined;
      return {
        fragmentMs: hds.hdsFragmentMs,
        windowMs: hds.hdsWindowMs,
        path: resolve(hds.hdsPath),
        utc: deps.utc(),
      };
    },
    create: (start) => new HdsOutput(start, deps),
  };
}
