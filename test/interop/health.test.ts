import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ffmpeg } from '../support/ffmpeg.ts';
import { temporaryFolder, until, type Program } from '../support/programs.ts';
import { srsHome } from '../support/srs-home.ts';

/** A picture that moves, with so many pictures between keyframes, and a source of sound. */
function media(gop: number, sound: string): string[] {
  return [
    ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
    ...['-re', '-f', 'lavfi', '-i', sound],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ...['-g', String(gop), '-keyint_min', String(gop), '-sc_threshold', '0'],
    ...['-c:a', 'aac', '-b:a', '96k', '-f', 'flv'],
  ];
}

suite('warnings of what viewers would notice', () => {
  const folder = temporaryFolder();

  test('an encoder without keyframes, one with a muted microphone, one whose sound stops; one that is well', async () => {
    const home = (await srsHome(folder, 'health')).configure(
      'srs_log_tank console;',
      'health { no_keyframe 3; silent_audio 3; no_media 2; }',
    );
    const server = await home.up();
    const publish = (name: string, gop: number, sound: string): Program =>
      ffmpeg([...media(gop, sound), `${home.rtmpUrl}/live/${name}`]);
    const tone = 'sine=frequency=440:sample_rate=44100';
    const publishers = [
      publish('endless', 100_000, tone),
      publish('muted', 25, 'anullsrc=r=44100:cl=stereo'),
      publish('halved', 25, `${tone}:duration=3`),
      publish('well', 25, tone),
    ];
    const told = (what: RegExp): Promise<unknown> =>
      until(`${what.source} in ${server.output}`, () => what.test(server.output), 30_000);
    await told(/no_keyframe: no keyframe for \d s/);
    await told(/silent_audio: the sound is silence for \d s/);
    await told(/no_audio: no sound for \d s/);
    for (const publisher of publishers) await publisher.stop('SIGTERM');
    await told(/(?:[^]*is over){3}/);
    assert.equal((await server.stop('SIGTERM')).code, 0);
    assert.doesNotMatch(server.output, /health: \S+\/live\/well: /);
  });
});
