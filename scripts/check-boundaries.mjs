// The import rules of docs/architecture.md, enforced. Also fails when nothing was looked at: a tool that cruises
// no module passes every rule.
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import config from '../.dependency-cruiser.mjs';

const { output } = await cruise(
  ['src'],
  { ...config.options, ruleSet: { forbidden: config.forbidden }, validate: true },
  undefined,
  { tsConfig: extractTSConfig('tsconfig.json') },
);
const { summary } = output;
for (const { rule, from, to } of summary.violations) console.error(`boundary: ${rule.name}: ${from} → ${to}`);
if (summary.totalCruised < 20) {
  console.error(`boundary: only ${summary.totalCruised} modules were cruised: the check itself is broken`);
  process.exit(1);
}
console.log(`boundaries: ${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports`);
if (summary.violations.some(({ rule }) => rule.severity === 'error')) process.exit(1);
