import type { Logger } from '../../base/logger.ts';
import { describeChange, describeDirective } from '../../config/index.ts';
import { entriesOf } from './outcome.ts';
import type { ReloadEntry, ReloadReport } from './ports.ts';

/** A reload writes at most so many lines about changes into the log; the rest is counted. */
export const MAX_REPORTED_CHANGES = 200;
/** Directives that the summary names; the rest is counted. */
const MAX_NAMED = 5;

/** `reload by SIGHUP: 3 applied, 1 needs a restart (work_dir), nothing refused`. */
export function summarize(report: ReloadReport): string {
  const head = `reload by ${report.trigger}:`;
  if (!report.ok) return `${head} the configuration cannot be used, nothing has changed`;
  if (report.entries.length === 0) return `${head} nothing has changed`;
  const applied = entriesOf(report, 'applied');
  const restart = entriesOf(report, 'restart');
  const refused = entriesOf(report, 'refused');
  const parts = [applied.length === 0 ? 'nothing applied' : `${applied.length} applied`];
  if (restart.length > 0)
    parts.push(`${restart.length} ${restart.length === 1 ? 'needs' : 'need'} a restart (${names(restart)})`);
  parts.push(refused.length === 0 ? 'nothing refused' : `${refused.length} refused (${names(refused)})`);
  return `${head} ${parts.join(', ')}`;
}

/** One line of a report: `vhost.play.mw_latency of vhost a: 350ms -> 100ms, applied`. */
export function describeEntry({ change, outcome, why }: ReloadEntry): string {
  const what = describeChange(change);
  switch (outcome) {
    case 'applied':
      return `${what}, applied`;
    case 'restart':
      return `${what}, needs a restart`;
    case 'refused':
      return `${what}, refused: ${why ?? 'no reason is known'}`;
    default:
      return outcome satisfies never;
  }
}

/** A line for each change (or each problem of the file), then the summary. */
export function logReport(report: ReloadReport, logger: Logger): void {
  for (const problem of report.problems) logger.error(problem);
  for (const entry of report.entries.slice(0, MAX_REPORTED_CHANGES)) {
    const line = `reload: ${describeEntry(entry)}`;
    if (entry.outcome === 'applied') logger.info(line);
    else logger.warn(line);
  }
  const more = report.entries.length - MAX_REPORTED_CHANGES;
  if (more > 0) logger.info(`reload: and ${more} more changes`);
  const trouble = !report.ok || report.entries.some(({ outcome }) => outcome !== 'applied');
  if (trouble) logger.warn(summarize(report));
  else logger.info(summarize(report));
}

function names(entries: readonly ReloadEntry[]): string {
  const named = entries.slice(0, MAX_NAMED).map(({ change }) => describeDirective(change));
  const more = entries.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}
