import { namesByNumber } from './template.ts';
import type { AdaptationSet, Mpd, Period, Representation, SegmentTemplate } from './model.ts';

const NAMESPACE = 'urn:mpeg:dash:schema:mpd:2011';
/** Spec: ISO/IEC 23009-1, 8.4: the profile of live streams. */
const PROFILE = 'urn:mpeg:dash:profile:isoff-live:2011';
const CHANNELS_SCHEME = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';

type Value = string | number | boolean | undefined;

/** The text of a manifest; one array of lines, one join. Spec: ISO/IEC 23009-1, 5.3. */
export function writeMpd(mpd: Mpd): string {
  const lines = ['<?xml version="1.0" encoding="utf-8"?>'];
  const head = attributes({
    xmlns: NAMESPACE,
    profiles: PROFILE,
    type: mpd.type,
    availabilityStartTime: dateText(mpd.availabilityStartTimeMs),
    publishTime: dateText(mpd.publishTimeMs),
    minimumUpdatePeriod: durationText(mpd.minimumUpdatePeriodMs),
    timeShiftBufferDepth: durationText(mpd.timeShiftBufferDepthMs),
    suggestedPresentationDelay: durationText(mpd.suggestedPresentationDelayMs),
    mediaPresentationDuration: durationText(mpd.mediaPresentationDurationMs),
    maxSegmentDuration: durationText(mpd.maxSegmentDurationMs),
    minBufferTime: durationText(mpd.minBufferTimeMs),
  });
  lines.push(`<MPD${head}>`);
  if (mpd.location !== undefined) lines.push(`  <Location>${escapeXml(mpd.location)}</Location>`);
  for (const period of mpd.periods) writePeriod(lines, period);
  if (mpd.utcTiming !== undefined) {
    const { schemeIdUri, value } = mpd.utcTiming;
    lines.push(`  <UTCTiming${attributes({ schemeIdUri, value })}/>`);
  }
  lines.push('</MPD>', '');
  return lines.join('\n');
}

function writePeriod(lines: string[], period: Period): void {
  lines.push(
    `  <Period${attributes({ id: period.id, start: durationText(period.startMs), duration: durationText(period.durationMs) })}>`,
  );
  for (const set of period.adaptationSets) writeSet(lines, set);
  lines.push('  </Period>');
}

function writeSet(lines: string[], set: AdaptationSet): void {
  const { id, contentType, lang } = set;
  const head = attributes({ id, contentType, lang, segmentAlignment: true, startWithSAP: 1 });
  lines.push(`    <AdaptationSet${head}>`);
  writeTemplate(lines, set.template);
  for (const representation of set.representations) writeRepresentation(lines, representation);
  lines.push('    </AdaptationSet>');
}

function writeTemplate(lines: string[], template: SegmentTemplate): void {
  const { timescale, initialization, media, presentationTimeOffset } = template;
  // Where times name the segments, numbers mean nothing; ffmpeg (5 to 7) follows a sliding window only when there are none.
  const startNumber = namesByNumber(media) ? template.startNumber : undefined;
  const head = attributes({ timescale, presentationTimeOffset, startNumber, initialization, media });
  lines.push(`      <SegmentTemplate${head}>`, '        <SegmentTimeline>');
  let expected: number | undefined;
  for (const { time, duration, count } of template.timeline) {
    const t = time === expected ? '' : ` t="${time}"`;
    const r = count === 1 ? '' : ` r="${count - 1}"`;
    lines.push(`          <S${t} d="${duration}"${r}/>`);
    expected = time + duration * count;
  }
  lines.push('        </SegmentTimeline>', '      </SegmentTemplate>');
}

function writeRepresentation(lines: string[], representation: Representation): void {
  const { id, bandwidth, mimeType, codecs, width, height, frameRate, audioSamplingRate, channels } =
    representation;
  const rate = Math.max(1, Math.ceil(bandwidth) || 1);
  const head = attributes({
    id,
    mimeType,
    codecs,
    bandwidth: rate,
    width,
    height,
    frameRate,
    audioSamplingRate,
  });
  if (channels === undefined) {
    lines.push(`      <Representation${head}/>`);
    return;
  }
  const configuration = attributes({ schemeIdUri: CHANNELS_SCHEME, value: channels });
  lines.push(
    `      <Representation${head}>`,
    `        <AudioChannelConfiguration${configuration}/>`,
    '      </Representation>',
  );
}

function attributes(values: Readonly<Record<string, Value>>): string {
  let out = '';
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) out += ` ${name}="${typeof value === 'string' ? escapeXml(value) : value}"`;
  }
  return out;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for an attribute; characters that XML 1.0, 2.2 forbids, and halves of surrogate pairs, become U+FFFD. */
function escapeXml(text: string): string {
  return text
    .replace(/[\u0000-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

function dateText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** An xs:duration of seconds alone: no reader has to guess how long a day or a month is. */
function durationText(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  const whole = Math.max(0, Math.round(ms));
  const fraction = String(whole % 1000).padStart(3, '0');
  return `PT${Math.floor(whole / 1000)}.${fraction}S`;
}
