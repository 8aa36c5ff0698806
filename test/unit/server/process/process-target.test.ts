import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { diffConfig, parseConfig, type Config, type LoadedConfig } from '../../../../src/config/index.ts';
import { acquirePidFile } from '../../../../src/server/process/pid-file.ts';
import { openLog } from '../../../../src/server/process/process-log.ts';
import { ProcessTarget } from '../../../../src/server/process/process-target.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'srs-target-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => path.join(folder, name);

function load(text: string): LoadedConfig {
  return parseConfig(`listen 1935; daemon off; ${text}`, 'srs.conf');
}

/** What a target refuses of the way from one configuration to the other. */
async function apply(target: ProcessTarget, before: Config, next: LoadedConfig): Promise<readonly string[]> {
  const changes = diffConfig(before, next).filter(({ directive }) => target.owns(directive));
  assert.ok(changes.length > 0);
  const refusals = await target.apply(next.config, changes);
  return refusals.map(({ change, why }) => `${change.directive}: ${why}`);
}

suite('ProcessTarget', () => {
  const first = `pid ${at('one.pid')}; srs_log_file ${at('one.log')};`;

  test('moves pid file and log; what cannot be moved stays where it is', async () => {
    const { config } = load(first);
    const logger = openLog(config);
    const target = new ProcessTarget(logger, acquirePidFile(config.pid));
    const second = load(`pid ${at('two.pid')}; srs_log_file ${at('logs/two.log')}; grace_final_wait 1;`);
    assert.deepEqual(await apply(target, config, second), []);
    assert.equal(readFileSync(at('two.pid'), 'utf8'), `${process.pid}\n`);
    assert.throws(() => readFileSync(at('one.pid')));

    writeFileSync(at('file'), 'no pid');
    const third = load(`pid ${at('file')}; srs_log_file ${at('file/three.log')}; srs_log_level warn;`);
    const refused = await apply(target, second.config, third);
    assert.equal(refused.length, 3, 'the log as a whole, and the pid file');
    assert.ok(refused.some((line) => /^pid: PID_FILE_FAILED\(1034\)/.test(line)));
    assert.ok(refused.some((line) => /^srs_log_level: LOG_OPEN_FAILED\(1042\)/.test(line)));
    logger.info('still here');
    await logger.close();
    assert.match(readFileSync(at('logs/two.log'), 'utf8'), /still here/);
    target.close();
    assert.throws(() => readFileSync(at('two.pid')));
  });

  test('utc_time, srs_log_format and srs_log_level hold for the next line', async () => {
    const log = `srs_log_file ${at('zone.log')};`;
    const { config } = load(log);
    const logger = openLog(config);
    const target = new ProcessTarget(logger, undefined);
    logger.info('local');
    const utc = load(`${log} utc_time on; srs_log_format json;`);
    assert.deepEqual(await apply(target, config, utc), []);
    logger.info('utc');
    const quiet = load(`${log} utc_time on; srs_log_level error;`);
    assert.deepEqual(await apply(target, utc.config, quiet), []);
    logger.info('not written');
    await logger.close();
    const [first, second, ...more] = readFileSync(at('zone.log'), 'utf8').split('\n');
    assert.match(first ?? '', /^\[\d{4}-\d\d-\d\d [\d:.]+\]\[Trace\].* local$/);
    const { time } = JSON.parse(second ?? '') as { time: string };
    assert.match(time, /Z$/);
    assert.deepEqual(more, ['']);
  });

  test('owns what is of the process alone', () => {
    const logger = openLog(load(first).config);
    const target = new ProcessTarget(logger, undefined);
    for (const own of ['pid', 'srs_log_tank', 'srs_log_format', 'utc_time', 'force_grace_quit'])
      assert.equal(target.owns(own), true, own);
    for (const other of ['listen', 'max_connections', 'vhost', 'http_api.listen', 'pithy_print_ms'])
      assert.equal(target.owns(other), false, other);
    return logger.close();
  });
});
