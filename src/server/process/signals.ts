import type { Undo } from '../../base/undo.ts';
import type { Ending } from './ending.ts';

/** What signals reach beside the end of the process. */
export interface SignalActions {
  readonly ending: Ending;
  /** [force_grace_quit] as it is at that moment. */
  forceGraceQuit(): boolean;
  /** SIGHUP. */
  reload(): void;
  /** SIGUSR1. */
  reopenLog(): void;
  /** A line for the log. */
  say(text: string): void;
}

/** SRS's signals, see `docs/operations.md`. Returns the undo. */
export function listenToSignals(actions: SignalActions): Undo {
  const { ending } = actions;
  const fast = (signal: NodeJS.Signals): void => ending.request({ kind: 'fast', reason: signal });
  const handlers: Partial<Record<NodeJS.Signals, (signal: NodeJS.Signals) => void>> = {
    SIGINT: fast,
    // Sent again to a server that drains, it means "enough": only the first one is a graceful one.
    SIGTERM: (signal) =>
      actions.forceGraceQuit() && ending.current === undefined
        ? ending.request({ kind: 'graceful', reason: `${signal} with force_grace_quit` })
        : fast(signal),
    SIGQUIT: (signal) => ending.request({ kind: 'graceful', reason: signal }),
    SIGHUP: () => actions.reload(),
    SIGUSR1: () => actions.reopenLog(),
    SIGUSR2: () => actions.say('SIGUSR2 is reserved, as in SRS: nothing is done'),
    // Not SIGPIPE, which Node ignores: a handler that is taken away leaves the system's default, and that ends the process when
    // it writes a last time to a socket that is closed.
  };
  const entries = Object.entries(handlers) as [NodeJS.Signals, (signal: NodeJS.Signals) => void][];
  for (const [signal, handler] of entries) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of entries) process.off(signal, handler);
  };
}
