import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { suite, test } from 'node:test';
import { ServerError, type ErrorCode } from '../../../../src/base/errors.ts';
import {
  MAX_PLAYLIST_BYTES,
  MAX_PLAYLIST_LINE,
  MAX_TAG_ATTRIBUTES,
  leastTargetSec,
  mediaPlaylistVersion,
  readAttributes,
  readMediaPlaylist,
  readPlaylist,
  writeMasterPlaylist,
  writeMediaPlaylist,
  type MasterPlaylist,
  type MediaPlaylist,
  type PlaylistPart,
  type PlaylistSegment,
} from '../../../../src/containers/m3u8/index.ts';

const LIVE: Omit<MediaPlaylist, 'segments'> = {
  targetDurationSec: 10,
  mediaSequence: 7,
  discontinuitySequence: 0,
};
const SEGMENT: PlaylistSegment = { uri: 'a.ts', durationMs: 9009 };
const IV = '00000000000000000000000000000abc';
const KEY = { method: 'AES-128' as const, uri: 'https://k/?a=1,2', iv: IV };
const PART: PlaylistPart = { uri: 'p0.m4s', durationMs: 333, independent: true };

/** Text ↔ model, both ways. */
const MEDIA: readonly { name: string; version: number; model: MediaPlaylist; text: string }[] = [
  {
    name: 'live',
    version: 3,
    model: {
      ...LIVE,
      segments: [
        { ...SEGMENT, title: 'one, two' },
        { uri: 'b.ts', durationMs: 3003 },
      ],
    },
    text: '#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:9.009,one, two\na.ts\n#EXTINF:3.003,\nb.ts\n',
  },
  {
    name: 'ended event with discontinuity, date and gap',
    version: 3,
    model: {
      ...LIVE,
      discontinuitySequence: 4,
      playlistType: 'EVENT',
      independentSegments: true,
      endlist: true,
      segments: [{ ...SEGMENT, gap: true, discontinuity: true, programDateTimeMs: 1_700_000_000_123 }],
    },
    text: '#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.123Z\n#EXT-X-GAP\n#EXTINF:9.009,\na.ts\n#EXT-X-ENDLIST\n',
  },
  {
    name: 'keys that change and end',
    version: 3,
    model: {
      ...LIVE,
      segments: [
        { ...SEGMENT, key: KEY },
        { ...SEGMENT, key: KEY },
        { ...SEGMENT, key: { method: 'AES-128', uri: '2' } },
        SEGMENT,
      ],
    },
    text: `#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI="https://k/?a=1,2",IV=0x${IV}\n#EXTINF:9.009,\na.ts\n#EXTINF:9.009,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI="2"\n#EXTINF:9.009,\na.ts\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:9.009,\na.ts\n`,
  },
  {
    name: 'a plain map stands outside of the keys',
    version: 6,
    model: {
      ...LIVE,
      segments: [
        { ...SEGMENT, key: KEY, map: { uri: 'i.mp4' } },
        { ...SEGMENT, key: KEY, map: { uri: 'j.mp4' }, byteRange: { length: 5, offset: 6 } },
      ],
    },
    text: `#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI="i.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="https://k/?a=1,2",IV=0x${IV}\n#EXTINF:9.009,\na.ts\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI="j.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="https://k/?a=1,2",IV=0x${IV}\n#EXTINF:9.009,\n#EXT-X-BYTERANGE:5@6\na.ts\n`,
  },
  {
    name: 'an encrypted map stands behind its key',
    version: 6,
    model: {
      ...LIVE,
      segments: [{ ...SEGMENT, key: KEY, map: { uri: 'i.mp4', encrypted: true, byteRange: { length: 9 } } }],
    },
    text: `#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI="https://k/?a=1,2",IV=0x${IV}\n#EXT-X-MAP:URI="i.mp4",BYTERANGE="9"\n#EXTINF:9.009,\na.ts\n`,
  },
  {
    name: 'byte ranges',
    version: 4,
    model: { ...LIVE, segments: [{ ...SEGMENT, byteRange: { length: 5 } }] },
    text: '#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:9.009,\n#EXT-X-BYTERANGE:5\na.ts\n',
  },
  {
    name: 'key formats',
    version: 5,
    model: {
      ...LIVE,
      segments: [
        {
          ...SEGMENT,
          key: { method: 'SAMPLE-AES', uri: 'skd://x', keyFormat: 'com.apple', keyFormatVersions: '1/2' },
        },
      ],
    },
    text: '#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple",KEYFORMATVERSIONS="1/2"\n#EXTINF:9.009,\na.ts\n',
  },
  {
    name: 'low latency, as a delta update',
    version: 9,
    model: {
      ...LIVE,
      serverControl: {
        canBlockReload: true,
        canSkipUntilMs: 60_000,
        holdBackMs: 30_000,
        partHoldBackMs: 1002,
      },
      partTargetMs: 334,
      skippedSegments: 3,
      segments: [
        {
          ...SEGMENT,
          parts: [PART, { uri: 'p1.m4s', durationMs: 334, byteRange: { length: 3, offset: 2 } }],
        },
      ],
      partial: { parts: [{ uri: 'p2.m4s', durationMs: 300, gap: true }] },
      preloadHints: [{ type: 'PART', uri: 'p3.m4s', byteRangeStart: 4, byteRangeLength: 5 }],
      renditionReports: [{ uri: '../b.m3u8', lastMsn: 9, lastPart: 1 }],
    },
    text: '#EXT-X-TARGETDURATION:10\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.002,HOLD-BACK=30.000,CAN-SKIP-UNTIL=60.000\n#EXT-X-PART-INF:PART-TARGET=0.334\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-PART:DURATION=0.333,URI="p0.m4s",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.334,URI="p1.m4s",BYTERANGE="3@2"\n#EXTINF:9.009,\na.ts\n#EXT-X-PART:DURATION=0.300,URI="p2.m4s",GAP=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p3.m4s",BYTERANGE-START=4,BYTERANGE-LENGTH=5\n#EXT-X-RENDITION-REPORT:URI="../b.m3u8",LAST-MSN=9,LAST-PART=1\n',
  },
];

suite('media playlists', () => {
  for (const { name, version, model, text } of MEDIA) {
    const whole = `#EXTM3U\n#EXT-X-VERSION:${version}\n${text}`;
    test(`${name}: written`, () => {
      assert.equal(mediaPlaylistVersion(model), version);
      assert.equal(writeMediaPlaylist(model), whole);
    });
    test(`${name}: read`, () => {
      assert.deepEqual(readMediaPlaylist(whole), { version, ...model });
    });
    test(`${name}: read with a byte order mark, CRLF, blank lines, comments and unknown tags`, () => {
      const foreign = `\ufeff${whole.replaceAll('\n', '\r\n\r\n# a comment\r\n#EXT-X-NOBODY-KNOWS:A="\r\n')}`;
      assert.deepEqual(readMediaPlaylist(Buffer.from(foreign)), { version, ...model });
    });
    test(`${name}: cut at any line it is read or refused with a code`, () => {
      for (let at = 0; at < whole.length; at++) {
        try {
          readPlaylist(whole.slice(0, at));
        } catch (error) {
          assert.ok(error instanceof ServerError, String(error));
        }
      }
    });
  }

  test('names that a playlist cannot hold are percent-encoded, others left alone', () => {
    const uris = ['#a b"\n.ts', 'ä?x=%20&y=[1],2', 'http://h:8/a_b~c/@d', 'bad\ud800end'];
    const text = writeMediaPlaylist({
      ...LIVE,
      segments: uris.map((uri) => ({ uri, durationMs: 1, title: 'x\n#EXT' })),
    });
    assert.deepEqual(
      readMediaPlaylist(text).segments.map(({ uri }) => uri),
      ['%23a%20b%22%0A.ts', '%C3%A4?x=%20&y=[1],2', 'http://h:8/a_b~c/@d', 'bad%EF%BF%BDend'],
    );
  });

  test('the least target duration is that of the duration as it is shown', () => {
    const cases = [
      [0, 0],
      [499.4, 0],
      [499.5, 1],
      [10_499, 10],
      [10_499.6, 11],
      [10_500, 11],
      [Number.NaN, 0],
    ] as const;
    for (const [ms, want] of cases) assert.equal(leastTargetSec(ms), want, `${ms}`);
  });
});

const MASTER: MasterPlaylist = {
  independentSegments: true,
  renditions: [
    {
      type: 'AUDIO',
      groupId: 'a',
      name: 'English, "main"',
      language: 'en',
      isDefault: true,
      channels: '2',
      uri: 'a.m3u8',
    },
  ],
  variants: [
    {
      uri: 'v.m3u8',
      bandwidth: 1_280_000.2,
      averageBandwidth: 1_000_000,
      codecs: 'avc1.64001F,mp4a.40.2',
      resolution: { width: 1280, height: 720 },
      frameRate: 30_000 / 1001,
      audio: 'a',
      video: 'v',
      subtitles: 's',
    },
    { uri: 'low.m3u8', bandwidth: 0 },
  ],
};

const MASTER_TEXT = `#EXTM3U
#EXT-X-VERSION:4
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English, 'main'",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1280001,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="a",VIDEO="v",SUBTITLES="s"
v.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1
low.m3u8
`;

suite('master playlists', () => {
  test('written', () => {
    assert.equal(writeMasterPlaylist(MASTER), MASTER_TEXT);
  });
  test('read, and written again', () => {
    const read = readPlaylist(MASTER_TEXT);
    assert.ok(read.kind === 'master');
    const { resolution, codecs } = read.playlist.variants[0] ?? {};
    assert.deepEqual(
      { resolution, codecs },
      { resolution: { width: 1280, height: 720 }, codecs: 'avc1.64001F,mp4a.40.2' },
    );
    assert.equal(read.playlist.renditions?.[0]?.name, "English, 'main'");
    assert.equal(writeMasterPlaylist(read.playlist), MASTER_TEXT);
    assert.throws(() => readMediaPlaylist(MASTER_TEXT), ServerError);
  });
});

const BAD: readonly { name: string; text: string; error: RegExp; code?: ErrorCode }[] = [
  { name: 'nothing', text: '', error: /line 1: no #EXTM3U/ },
  { name: 'something else', text: '<html>\n', error: /line 1: no #EXTM3U/ },
  { name: 'no target duration', text: '#EXTM3U\n#EXTINF:1,\na\n', error: /TARGETDURATION/ },
  { name: 'a duration that is none', text: '#EXTM3U\n\n#EXTINF:x,\na\n', error: /line 3: EXTINF/ },
  { name: 'a negative duration', text: '#EXTM3U\n#EXTINF:-1,\na\n', error: /line 2/ },
  {
    name: 'a number beyond 2^53',
    text: '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:99999999999999999\n',
    error: /line 2/,
  },
  {
    name: 'a URI of nothing',
    text: '#EXTM3U\n#EXT-X-TARGETDURATION:1\na.ts\n',
    error: /line 3: a URI without/,
  },
  {
    name: 'an EXTINF without URI',
    text: '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n',
    error: /ends behind/,
  },
  {
    name: 'a key without URI',
    text: '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128\n',
    error: /line 2: EXT-X-KEY: URI/,
  },
  { name: 'an unknown method', text: '#EXTM3U\n#EXT-X-KEY:METHOD=ROT13,URI="a"\n', error: /ROT13/ },
  { name: 'an IV that is none', text: '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="a",IV=12\n', error: /IV/ },
  { name: 'an open quote', text: '#EXTM3U\n#EXT-X-MAP:URI="a\n', error: /line 2: EXT-X-MAP: no list/ },
  { name: 'a date that is none', text: '#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:now\n', error: /line 2/ },
  {
    name: 'two versions',
    text: '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-VERSION:3\n',
    error: /line 3: EXT-X-VERSION: twice/,
  },
  { name: 'a late sequence', text: '#EXTM3U\n#EXTINF:1,\na\n#EXT-X-MEDIA-SEQUENCE:1\n', error: /line 4/ },
  {
    name: 'a variant without bandwidth',
    text: '#EXTM3U\n#EXT-X-STREAM-INF:CODECS="a"\na\n',
    error: /BANDWIDTH/,
  },
  {
    name: 'a variant without URI',
    text: '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n',
    error: /line 2.*no URI/,
  },
  {
    name: 'both kinds in one',
    text: '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n',
    error: /line 3.*tags of media and master/,
  },
  {
    name: 'a long line',
    text: `#EXTM3U\n${'a'.repeat(MAX_PLAYLIST_LINE + 1)}\n`,
    error: /line 2/,
    code: 'PLAYLIST_TOO_LARGE',
  },
  {
    name: 'a long file',
    text: '\n'.repeat(MAX_PLAYLIST_BYTES + 1),
    error: /playlist of/,
    code: 'PLAYLIST_TOO_LARGE',
  },
  {
    name: 'too many parts',
    text: `#EXTM3U\n${'#EXT-X-PART:DURATION=1,URI="a"\n'.repeat(20_001)}`,
    error: /20000 parts/,
    code: 'PLAYLIST_TOO_LARGE',
  },
  {
    name: 'too many segments',
    text: `#EXTM3U\n${'#EXTINF:1,\na\n'.repeat(86_401)}`,
    error: /86400 segments/,
    code: 'PLAYLIST_TOO_LARGE',
  },
  {
    name: 'too many variants',
    text: `#EXTM3U\n${'#EXT-X-STREAM-INF:BANDWIDTH=1\na\n'.repeat(1001)}`,
    error: /1000 variants/,
    code: 'PLAYLIST_TOO_LARGE',
  },
];

suite('playlists that are refused', () => {
  for (const { name, text, error, code = 'M3U8_INVALID' } of BAD) {
    test(name, () => {
      assert.throws(
        () => readPlaylist(text),
        (thrown) => thrown instanceof ServerError && thrown.code === code && error.test(thrown.message),
      );
    });
  }
});

test('attribute lists', () => {
  const cases: [string, Record<string, string> | undefined][] = [
    ['A=1,B="x,y=z",C=YES', { A: '1', B: 'x,y=z', C: 'YES' }],
    [' A = 1 , B="" ,', { A: '1', B: '' }],
    ['', {}],
    ['A', undefined],
    ['a=1', undefined],
    ['A="1', undefined],
    ['A="1"x', undefined],
    [Array.from({ length: MAX_TAG_ATTRIBUTES + 1 }, (_, i) => `A${i}=1`).join(), undefined],
  ];
  for (const [text, want] of cases) {
    const read = readAttributes(text);
    assert.deepEqual(read === undefined ? undefined : Object.fromEntries(read), want, text);
  }
});
