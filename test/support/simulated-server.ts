import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Logger } from '../../src/base/logger.ts';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import type { VhostConfig } from '../../src/config/index.ts';
import { createHub, type ClosableHub } from '../../src/hub/hub.ts';
import type { OutputFailed, OutputObserver, RecordingDone } from '../../src/hub/output-events.ts';
import type { PublishLease } from '../../src/hub/ports.ts';
import { audioTrackOf, videoTrackOf } from '../../src/media/track-info.ts';
import { StreamOutputs, type OutputKind } from '../../src/server/stream-outputs.ts';
import { DelayedRemovals } from '../../src/storage/delayed-removals.ts';
import { LiveResources } from '../../src/storage/live-resources.ts';
import { LIVE_DEMO, sessionOf, STREAM_OPTIONS } from './hub-fixtures.ts';
import type { ManualClock } from './manual-clock.ts';
import type { MemoryDisk } from './memory-disk.ts';

/** What the machine has; it outlives servers. */
export interface SimulatedMachine {
  readonly clock: ManualClock;
  /** Wall clock, Unix ms. */
  readonly unixTime: () => number;
  readonly logger: Logger;
}

/** What outputs of a simulated server get. */
export interface SimulatedDeps extends SimulatedMachine {
  readonly wheel: TimerWheel;
  readonly disk: MemoryDisk;
  readonly resources: LiveResources;
  readonly removals: DelayedRemovals;
  readonly observer: OutputObserver;
}

/** One run of hub and outputs over one stream, on a clock that the test moves and a disk in memory. */
export class SimulatedServer {
  readonly deps: SimulatedDeps;
  readonly failures: OutputFailed[] = [];
  readonly recordings: RecordingDone[] = [];
  readonly #hub: ClosableHub;
  readonly #outputs: StreamOutputs;
  #lease: PublishLease | undefined;
  #sessions = 0;

  constructor(
    machine: SimulatedMachine,
    disk: MemoryDisk,
    kinds: (deps: SimulatedDeps) => readonly OutputKind[],
  ) {
    const wheel = new TimerWheel(machine.clock);
    const observer = {
      outputFailed: (event: OutputFailed): void => void this.failures.push(event),
      recordingDone: (event: RecordingDone): void => void this.recordings.push(event),
    };
    this.deps = {
      ...machine,
      wheel,
      disk,
      resources: new LiveResources(1 << 30),
      removals: new DelayedRemovals(wheel, () => undefined, disk),
      observer,
    };
    this.#outputs = new StreamOutputs({
      kinds: kinds(this.deps),
      logger: machine.logger,
      observer,
      vhostOf: () => ({}) as VhostConfig,
    });
    this.#hub = createHub({
      ...machine,
      optionsFor: () => STREAM_OPTIONS,
      describeTrack: (frame, parseSps) =>
        frame.kind === 'video' ? videoTrackOf(frame, parseSps) : audioTrackOf(frame),
      observers: [this.#outputs],
    });
  }

  publish(): PublishLease {
    this.#sessions += 1;
    this.#lease = this.#hub.publish(LIVE_DEMO, sessionOf(`p${this.#sessions}`));
    return this.#lease;
  }

  /** Taps that threw since the start. */
  get tapErrors(): number {
    return this.#hub.tapErrors.total;
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    this.#lease?.release();
    await this.#outputs.close();
    await this.deps.removals.close();
    this.#hub.close();
    this.deps.wheel.close();
  }

  /** As SIGKILL does, but for the disk: halt that first. */
  kill(): void {
    this.#hub.close();
    this.deps.wheel.close();
  }
}

/** Lets what is under way be done. */
export async function settle(turns = 10): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

/** Puts what is in memory on the real disk, for what reads its state there. */
export async function dump(disk: MemoryDisk, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const path of disk.paths) {
    if (!path.startsWith(`${folder}/`)) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, disk.read(path) ?? '');
  }
}
