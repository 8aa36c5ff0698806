// Runs the test files below test/<folder> for each folder named: `node --test "glob"` does not work on Node 20.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = path.resolve(import.meta.dirname, '..', 'test');
const wanted = process.argv.slice(2);
const files = wanted
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
      path.join(root, folder, file),
    ),
  )
  .filter((file) => file.endsWith('.test.ts'))
  .sort();

if (files.length === 0) {
  console.error(`No test files in ${wanted.join(', ')}.`);
  process.exit(1);
}

// Whatever a test leaves in the temporary folder goes with this one.
const scratch = mkdtempSync(path.join(tmpdir(), 'srs-tests-'));
chmodSync(scratch, 0o755); // Some tests run programs as another user.
process.env['TMPDIR'] = scratch;
process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));

// Interop tests start real programs and look at real time: one at a time keeps their timing honest on a small machine.
const concurrency = wanted.includes('interop') ? 1 : true;
const results = run({ files, concurrency, timeout: 240_000 });
results.on('test:fail', () => {
  process.exitCode = 1;
});
(results.compose(new spec()) as NodeJS.ReadableStream).pipe(process.stdout);
