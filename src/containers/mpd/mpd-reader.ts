import type { Buffer } from 'node:buffer';
import { ServerError } from '../../base/errors.ts';
import type { AdaptationSet, Mpd, Period, Representation, SegmentTemplate, TimelineRun } from './model.ts';
import { readXml, type XmlElement } from './xml-reader.ts';

/** Segments that one timeline may stand for. */
export const MAX_TIMELINE_SEGMENTS = 1_000_000;

/**
 * Reads a manifest with SegmentTemplate and SegmentTimeline, at the adaptation set or at its representation (then the set
 * has one). Other ways to name segments are refused. Throws MPD_INVALID or PLAYLIST_TOO_LARGE.
 */
export function readMpd(input: Buffer | string): Mpd {
  const root = readXml(typeof input === 'string' ? input : input.toString('utf8'));
  if (root.name !== 'MPD') throw invalid(`the root is ${root.name}`);
  const from = new Fields(root);
  const type = from.text('type') ?? 'static';
  if (type !== 'static' && type !== 'dynamic') throw invalid(`MPD@type is ${type}`);
  const timing = root.children.find(({ name }) => name === 'UTCTiming');
  let endMs = 0;
  return {
    type,
    ...from.date('availabilityStartTime'),
    ...from.date('publishTime'),
    ...from.duration('minimumUpdatePeriod'),
    ...from.duration('timeShiftBufferDepth'),
    ...from.duration('suggestedPresentationDelay'),
    ...from.duration('mediaPresentationDuration'),
    ...from.duration('maxSegmentDuration'),
    minBufferTimeMs: from.ms('minBufferTime') ?? 0,
    ...(timing === undefined
      ? {}
      : {
          utcTiming: {
            schemeIdUri: timing.attributes.get('schemeIdUri') ?? '',
            value: timing.attributes.get('value') ?? '',
          },
        }),
    periods: childrenOf(root, 'Period').map((element) => {
      const period = readPeriod(element, endMs);
      endMs = period.startMs + (period.durationMs ?? 0);
      return period;
    }),
  };
}

function readPeriod(element: XmlElement, endOfLastMs: number): Period {
  const from = new Fields(element);
  return {
    id: from.text('id') ?? '',
    startMs: from.ms('start') ?? endOfLastMs,
    ...from.duration('duration'),
    adaptationSets: childrenOf(element, 'AdaptationSet').map(readSet),
  };
}

function readSet(element: XmlElement, index: number): AdaptationSet {
  const from = new Fields(element);
  const representations = childrenOf(element, 'Representation');
  const [first] = representations;
  const template =
    element.children.find(({ name }) => name === 'SegmentTemplate') ??
    first?.children.find(({ name }) => name === 'SegmentTemplate');
  if (template === undefined) throw invalid('an AdaptationSet without SegmentTemplate');
  const mime = from.text('mimeType') ?? first?.attributes.get('mimeType') ?? '';
  const contentType = from.text('contentType') ?? mime.split('/')[0];
  if (contentType !== 'video' && contentType !== 'audio') throw invalid(`contentType ${contentType ?? ''}`);
  return {
    id: from.integer('id') ?? index,
    contentType,
    ...from.optional('lang'),
    template: readTemplate(template),
    representations: representations.map((one) => readRepresentation(one, element)),
  };
}

function readTemplate(element: XmlElement): SegmentTemplate {
  const from = new Fields(element);
  const timeline = element.children.find(({ name }) => name === 'SegmentTimeline');
  const media = from.text('media');
  if (timeline === undefined || media === undefined)
    throw invalid('SegmentTemplate without timeline or media');
  return {
    timescale: from.integer('timescale') ?? 1,
    ...from.optional('initialization'),
    media,
    startNumber: from.integer('startNumber') ?? 1,
    presentationTimeOffset: from.integer('presentationTimeOffset') ?? 0,
    timeline: readTimeline(timeline),
  };
}

function readTimeline(element: XmlElement): readonly TimelineRun[] {
  const runs: TimelineRun[] = [];
  let next = 0;
  let segments = 0;
  for (const s of childrenOf(element, 'S')) {
    const from = new Fields(s);
    const time = from.integer('t') ?? next;
    const duration = from.integer('d');
    // A negative r means "until the next S": it needs a clock, and we never write it.
    const count = (from.integer('r') ?? 0) + 1;
    if (duration === undefined) throw invalid('S without d');
    segments += count;
    if (segments > MAX_TIMELINE_SEGMENTS) {
      throw new ServerError(
        'PLAYLIST_TOO_LARGE',
        `a timeline of more than ${MAX_TIMELINE_SEGMENTS} segments`,
      );
    }
    next = time + duration * count;
    if (!Number.isSafeInteger(next)) throw invalid('a time beyond 2^53');
    runs.push({ time, duration, count });
  }
  return runs;
}

function readRepresentation(element: XmlElement, set: XmlElement): Representation {
  // Attributes common to all of a set may stand there (5.3.7).
  const from = new Fields(element, set);
  const channels = [...element.children, ...set.children].find(
    ({ name }) => name === 'AudioChannelConfiguration',
  );
  const count = Number(channels?.attributes.get('value') ?? Number.NaN);
  const width = from.integer('width');
  const height = from.integer('height');
  const audioSamplingRate = from.integer('audioSamplingRate');
  return {
    id: element.attributes.get('id') ?? '',
    bandwidth: from.integer('bandwidth') ?? 0,
    mimeType: from.text('mimeType') ?? '',
    codecs: from.text('codecs') ?? '',
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...from.optional('frameRate'),
    ...(audioSamplingRate === undefined ? {} : { audioSamplingRate }),
    ...(Number.isInteger(count) ? { channels: count } : {}),
  };
}

const DURATION = /^PT?(?:(\d{1,9})D)?T?(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d{0,12})?)S)?$/;

/** Attributes of one element in the types that a manifest has; what the element lacks is looked for in `fallback`. */
class Fields {
  readonly #element: XmlElement;
  readonly #fallback: XmlElement | undefined;

  constructor(element: XmlElement, fallback?: XmlElement) {
    this.#element = element;
    this.#fallback = fallback;
  }

  text(name: string): string | undefined {
    return this.#element.attributes.get(name) ?? this.#fallback?.attributes.get(name);
  }

  optional<K extends string>(name: K): Partial<Record<K, string>> {
    const value = this.text(name);
    return value === undefined ? {} : ({ [name]: value } as Record<K, string>);
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value))) throw this.#bad(name);
    return Number(value);
  }

  /** An xs:duration, as ms. */
  ms(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const match = DURATION.exec(value);
    if (match === null || value.length < 3) throw this.#bad(name);
    const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
    return Math.round(
      (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000,
    );
  }

  duration<K extends string>(name: K): Partial<Record<`${K}Ms`, number>> {
    const value = this.ms(name);
    return value === undefined ? {} : ({ [`${name}Ms`]: value } as Record<`${K}Ms`, number>);
  }

  date<K extends string>(name: K): Partial<Record<`${K}Ms`, number>> {
    const value = this.text(name);
    if (value === undefined) return {};
    const ms = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms)) throw this.#bad(name);
    return { [`${name}Ms`]: ms } as Record<`${K}Ms`, number>;
  }

  #bad(name: string): ServerError {
    return invalid(`${this.#element.name}@${name} cannot be read`);
  }
}

function childrenOf(element: XmlElement, wanted: string): readonly XmlElement[] {
  return element.children.filter(({ name }) => name === wanted);
}

function invalid(message: string): ServerError {
  return new ServerError('MPD_INVALID', message);
}
