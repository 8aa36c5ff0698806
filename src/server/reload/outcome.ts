import type { ReloadOutcome } from '../../control/events/index.ts';
import type { ReloadEntry, ReloadReport } from './ports.ts';

/** The changes that this became of. */
export function entriesOf(
  { entries }: Pick<ReloadReport, 'entries'>,
  outcome: ReloadEntry['outcome'],
): readonly ReloadEntry[] {
  return entries.filter((entry) => entry.outcome === outcome);
}

/** What listeners to events hear of a reload: directives by what became of them. */
export function reloadOutcome(report: ReloadReport): ReloadOutcome {
  const of = (outcome: ReloadEntry['outcome']): readonly string[] =>
    entriesOf(report, outcome).map(({ change }) => change.directive);
  const { ok, trigger } = report;
  return { ok, trigger, applied: of('applied'), restart: of('restart'), refused: of('refused') };
}
