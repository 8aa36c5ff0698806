import type { ReloadOutcome } from '../../control/events/index.ts';
import type { ReloadEntry, ReloadReport } from './ports.ts';

/** What listeners to events hear of a reload: directives by what became of them. */
export function reloadOutcome({ ok, trigger, entries }: ReloadReport): ReloadOutcome {
  const of = (outcome: ReloadEntry['outcome']): readonly string[] =>
    entries.filter((entry) => entry.outcome === outcome).map(({ change }) => change.directive);
  return { ok, trigger, applied: of('applied'), restart: of('restart'), refused: of('refused') };
}
