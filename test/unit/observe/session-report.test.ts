import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LiveStream, Playback, PlaybackStats, SessionInfo, StreamName } from '../../../src/hub/ports.ts';
import { createSessionReport, type SessionReport } from '../../../src/observe/index.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

const NAME: StreamName = { vhost: 'v', app: 'live', stream: 'show' };

function session(id: string, type: string): SessionInfo {
  return { id, type, ip: '127.0.0.1', close: () => undefined };
}

/** A stream or a playback whose bytes a test sets. */
class Source {
  bytes = 0;
  reads = 0;
  viewers = 3;
  queuedMs = 0;

  get stream(): LiveStream {
    return { name: NAME, state: 'live', snapshot: () => this.#snapshot() } as unknown as LiveStream;
  }

  get playback(): Playback {
    const read = (): PlaybackStats => this.stats;
    return {
      get stats() {
        return read();
      },
    } as unknown as Playback;
  }

  get stats(): PlaybackStats {
    this.reads += 1;
    return {
      queuedMs: this.queuedMs,
      queuedBytes: 5_000,
      sentBytes: this.bytes,
      drops: 1,
      droppedBytes: 700,
    };
  }

  #snapshot(): { receivedBytes: number; viewers: number } {
    this.reads += 1;
    return { receivedBytes: this.bytes, viewers: this.viewers };
  }
}

interface Bench {
  readonly clock: ManualClock;
  readonly lines: string[];
  readonly report: SessionReport;
}

function setUp(everyMs = 10_000): Bench {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  return { clock, lines: logger.lines, report: createSessionReport({ clock, logger, everyMs }) };
}

/** Ids of the lines, in their order. */
function ids(lines: readonly string[]): string[] {
  return lines.map((line) => /^info \[(.*?)\] (?:<-|->) /.exec(line)?.[1] ?? `not a report: ${line}`);
}

test('a publisher and a viewer have the lines of SRS: rates since the start, of the last period, since the line before', () => {
  const { clock, lines, report } = setUp();
  const [input, output] = [new Source(), new Source()];
  input.bytes = 1_000_000; // Of a publisher before: not of this one.
  report.publishStarted?.(NAME, session('pub', 'rtmp-publish'), input.stream);
  clock.advance(5_000);
  report.playStarted?.(NAME, session('sub', 'flv-play'), output.playback);
  input.bytes += 1_250_000;
  output.bytes += 625_000;
  output.queuedMs = 120.4;
  clock.advance(5_000);
  input.bytes += 2_500_000;
  clock.advance(10_000);
  assert.deepEqual(lines, [
    'info [pub] <- CPB time=10000, okbps=0,0,0, ikbps=1000,1000,0, viewers=3, type=rtmp-publish, sessions=1, ip=127.0.0.1, stream=v/live/show',
    'info [sub] -> HTS time=5000, okbps=1000,1000,0, ikbps=0,0,0, queue=120ms/5000B, drops=1/700B, type=flv-play, sessions=1, ip=127.0.0.1, stream=v/live/show',
    'info [pub] <- CPB time=20000, okbps=0,0,0, ikbps=1500,2000,2000, viewers=3, type=rtmp-publish, sessions=1, ip=127.0.0.1, stream=v/live/show',
    'info [sub] -> HTS time=15000, okbps=333,0,0, ikbps=0,0,0, queue=120ms/5000B, drops=1/700B, type=flv-play, sessions=1, ip=127.0.0.1, stream=v/live/show',
  ]);
});

test('ten thousand sessions of a kind write one line a period, in turns, and cost a period no more than one', () => {
  const { clock, lines, report } = setUp();
  const sources = Array.from({ length: 10_000 }, () => new Source());
  sources.forEach((source, i) => report.playStarted?.(NAME, session(`s${i}`, 'rtmp-play'), source.playback));
  const readsOf = (): number => sources.reduce((sum, source) => sum + source.reads, 0);
  const before = readsOf();
  for (let i = 0; i < 20; i += 1) {
    for (const source of sources) source.bytes += 1_250_000;
    clock.advance(10_000);
  }
  assert.deepEqual(
    ids(lines),
    Array.from({ length: 20 }, (_, i) => `s${i}`),
  );
  assert.ok(readsOf() - before <= 20 * 4, 'a period looks at a fixed number of sessions');
  // Its turn was marked a period before its line: the second figure is that of the last period also for the 20th.
  assert.match(lines[19] ?? '', /time=200000, okbps=1000,1000,0,.* sessions=10000,/);
  assert.equal(clock.pending, 1);
  report.close();
  assert.equal(clock.pending, 0);
});

test('the period can be changed and turned off, and closing is final', () => {
  const { clock, lines, report } = setUp();
  const source = new Source();
  report.playStarted?.(NAME, session('a', 'rtmp-play'), source.playback);
  clock.advance(9_000);
  report.everyMs = 1_000;
  clock.advance(3_000);
  assert.equal(lines.length, 3);
  report.everyMs = 0;
  assert.equal(clock.pending, 0);
  clock.advance(60_000);
  assert.equal(lines.length, 3);
  report.everyMs = 2_000;
  clock.advance(2_000);
  assert.equal(lines.length, 4);
  report.close();
  report.close();
  report.everyMs = 5;
  report.playStarted?.(NAME, session('b', 'rtmp-play'), source.playback);
  report.playEnded?.(NAME, session('b', 'rtmp-play'), source.stats);
  clock.advance(1_000);
  assert.deepEqual([lines.length, clock.pending], [4, 0]);
});

test('one session may play several streams and publish beside', () => {
  const { clock, lines, report } = setUp();
  const both = session('x', 'rtmp-play');
  const other = { ...NAME, stream: 'other' };
  const source = new Source();
  report.playStarted?.(NAME, both, source.playback);
  report.playStarted?.(other, both, source.playback);
  report.publishStarted?.(NAME, both, source.stream);
  report.playEnded?.({ ...NAME }, both, source.stats);
  clock.advance(20_000);
  report.publishEnded?.(NAME, both);
  clock.advance(10_000);
  report.playEnded?.(other, both, source.stats);
  report.playEnded?.(other, both, source.stats);
  clock.advance(10_000);
  assert.deepEqual(
    lines.map((line) => /(CPB|PLA).*sessions=(\d).*stream=(.*)/.exec(line)?.slice(1).join(' ')),
    ['PLA 2 v/live/other', 'CPB 2 v/live/show', 'PLA 1 v/live/other'],
  );
});

test('whatever starts and ends, each period has one line for each kind that is there, and nobody waits for ever', () => {
  const KINDS = ['rtmp-play', 'flv-play', 'rtmp-publish'] as const;
  const step = fc.oneof(
    fc.record({ do: fc.constant('start' as const), kind: fc.constantFrom(...KINDS) }),
    fc.record({ do: fc.constant('end' as const), at: fc.nat(50) }),
    fc.record({ do: fc.constant('period' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, lines, report } = setUp();
      const alive: SessionInfo[] = [];
      const source = new Source();
      const period = (): void => {
        const from = lines.length;
        clock.advance(10_000);
        const said = ids(lines.slice(from)).map((id) => alive.find((one) => one.id === id)?.type);
        assert.deepEqual(said.sort(), [...new Set(alive.map((one) => one.type))].sort());
      };
      steps.forEach((now, i) => {
        if (now.do === 'period') period();
        else if (now.do === 'start') {
          const one = session(`s${i}`, now.kind);
          alive.push(one);
          if (now.kind === 'rtmp-publish') report.publishStarted?.(NAME, one, source.stream);
          else report.playStarted?.(NAME, one, source.playback);
        } else {
          const [one] = alive.splice(now.at % Math.max(1, alive.length), 1);
          if (one?.type === 'rtmp-publish') report.publishEnded?.(NAME, one);
          else if (one !== undefined) report.playEnded?.(NAME, one, source.stats);
        }
      });
      const from = lines.length;
      alive.forEach(period);
      assert.deepEqual(new Set(ids(lines.slice(from))), new Set(alive.map((one) => one.id)));
      report.close();
      assert.equal(clock.pending, 0);
    }),
    { interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
  );
});
