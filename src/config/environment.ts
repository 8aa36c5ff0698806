import type { Directive } from './parser.ts';
import type { Diagnostics } from './problem.ts';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The tree with what the environment sets in place of what the file says. */
export function overlayEnvironment(
  tree: readonly Directive[],
  _env: Environment,
  _diagnostics: Diagnostics,
): readonly Directive[] {
  return tree;
}
