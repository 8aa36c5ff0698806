import { readMpd, type Mpd } from '../../src/containers/mpd/index.ts';

interface Listed {
  readonly number: number;
  readonly time: number;
  readonly duration: number;
}

/**
 * Judges the successive texts of one live manifest by the rules of ISO/IEC 23009-1, as a player that reloads would. `take`
 * throws at the first broken rule.
 */
export class DashValidator {
  readonly #toleranceMs: number;
  readonly #known = new Map<string, Listed>();
  #last: Mpd | undefined;

  /** How far a segment may be listed before its time has come, ms: what encoders send ahead and clocks drift. */
  constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs;
  }

  take(text: string, nowMs?: number): Mpd {
    const mpd = readMpd(text);
    const last = this.#last;
    if (mpd.type === 'dynamic') {
      rule(mpd.availabilityStartTimeMs !== undefined, '5.3.1.2: availabilityStartTime is missing');
      rule(mpd.publishTimeMs !== undefined, '5.3.1.2: publishTime is missing');
      rule(mpd.minimumUpdatePeriodMs !== undefined, '5.3.1.2: a live manifest without minimumUpdatePeriod');
      rule(mpd.mediaPresentationDurationMs === undefined, 'a live manifest with a duration');
      if (last?.type === 'dynamic') {
        rule(
          mpd.availabilityStartTimeMs === last.availabilityStartTimeMs,
          '5.4: availabilityStartTime changed',
        );
        rule((mpd.publishTimeMs ?? 0) >= (last.publishTimeMs ?? 0), '5.4: publishTime went back');
      }
    } else {
      rule(mpd.minimumUpdatePeriodMs === undefined, '5.3.1.2: a static manifest with minimumUpdatePeriod');
      rule(mpd.mediaPresentationDurationMs !== undefined, '5.3.1.2: a static manifest without duration');
    }
    this.#checkPeriods(mpd, nowMs);
    this.#last = mpd;
    return mpd;
  }

  #checkPeriods(mpd: Mpd, nowMs: number | undefined): void {
    let endMs = 0;
    let saidEndMs = 0;
    const ids = new Set<string>();
    for (const period of mpd.periods) {
      rule(!ids.has(period.id), `5.3.2.2: two periods ${period.id}`);
      ids.add(period.id);
      rule(
        period.startMs >= endMs,
        `period ${period.id} begins at ${period.startMs}, before the last ends at ${endMs}`,
      );
      rule(period.startMs >= saidEndMs, `period ${period.id} begins before the last says that it ends`);
      for (const set of period.adaptationSets) {
        const { template } = set;
        let time = -1;
        let number = template.startNumber;
        for (const run of template.timeline) {
          rule(run.duration > 0, '5.3.9.6: a segment without duration');
          rule(run.time >= time, `5.3.9.6: segments overlap at ${run.time}`);
          time = run.time + run.duration * run.count;
          // Without numbers in URLs the time is the segment's name.
          const first = template.media.includes('$Number') ? number : undefined;
          if (mpd.type === 'dynamic') this.#checkRun(`${period.id}/${set.id}`, first, run);
          number += run.count;
        }
        const end = period.startMs + ((time - template.presentationTimeOffset) * 1000) / template.timescale;
        endMs = Math.max(endMs, Math.floor(end));
      }
      saidEndMs = period.durationMs === undefined ? 0 : period.startMs + period.durationMs;
      rule(
        saidEndMs === 0 || saidEndMs >= endMs,
        `period ${period.id} says that it ends before its media do`,
      );
    }
    const availableMs = (mpd.availabilityStartTimeMs ?? 0) + endMs;
    if (mpd.type === 'dynamic' && nowMs !== undefined && mpd.periods.length > 0) {
      rule(
        availableMs <= nowMs + this.#toleranceMs,
        `a segment is listed ${availableMs - nowMs} ms before its time`,
      );
      rule(
        availableMs >= nowMs - this.#toleranceMs,
        `the live edge is ${nowMs - availableMs} ms behind the clock`,
      );
    }
    if (mpd.type === 'static')
      rule(endMs <= (mpd.mediaPresentationDurationMs ?? 0) + 1, 'segments behind the end');
  }

  #checkRun(
    track: string,
    first: number | undefined,
    run: { time: number; duration: number; count: number },
  ): void {
    for (let i = 0; i < run.count; i++) {
      const time = run.time + i * run.duration;
      const now = { number: first === undefined ? time : first + i, time, duration: run.duration };
      const known = this.#known.get(`${track}/${now.number}`);
      rule(
        known === undefined || known.time === now.time,
        `segment ${now.number} of ${track} has another time`,
      );
      this.#known.set(`${track}/${now.number}`, now);
    }
  }
}

function rule(holds: boolean, broken: string): void {
  if (!holds) throw new Error(`manifest breaks the rules: ${broken}`);
}
