// `npm run check`: format, lint, types, boundaries, dead code. Everything runs; the failures are listed at the end.
import { spawnSync } from 'node:child_process';
import { installDependencies, requireNode, ROOT } from './lib.mjs';

requireNode();
installDependencies();
const bin = (name) => `node_modules/${name}`;
const STEPS = [
  ['types', [bin('typescript/bin/tsc'), '-p', '.']],
  ['types of the page', [bin('typescript/bin/tsc'), '-p', 'console']],
  ['format', [bin('prettier/bin/prettier.cjs'), '--check', '.', '--log-level', 'warn']],
  ['lint', [bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0']],
  ['boundaries', ['scripts/check-boundaries.mjs']],
  ['dead code', [bin('knip/bin/knip.js')]],
];
const failed = [];
for (const [name, args] of STEPS) {
  const started = Date.now();
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  console.log(
    `check: ${name} ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)`,
  );
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`check: failed: ${failed.join(', ')}`);
  process.exit(1);
}
