/**
 * A process that logs and ends: `log-writer.ts <tank> <format> <how> <lines>`. Each line is its number. How it ends: `flush`
 * and `flush-rotated` (renamed and opened anew in the middle) by flushSync and process.exit, `close` by itself.
 */
import { renameSync } from 'node:fs';
import { createLogger, type LogFormat } from '../../src/observe/index.ts';

const [tank = 'console', format = 'srs', how = 'close', count = '0'] = process.argv.slice(2);
const log = createLogger({ tank, level: 'trace', format: format as LogFormat, pid: process.pid });
const lines = Number(count);

for (let i = 0; i < lines; i += 1) {
  // Some lines meet a write under way, some do not.
  if (i % 1_000 === 0) await new Promise(setImmediate);
  if (how === 'flush-rotated' && i % 3_000 === 2_500) {
    renameSync(tank, `${tank}.${String(i).padStart(6, '0')}`);
    log.reopen();
  }
  log.info(`line ${i}`);
}
if (how === 'close') await log.close();
else {
  log.flushSync();
  process.exit(3);
}
