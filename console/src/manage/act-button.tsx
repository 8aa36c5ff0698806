import { useEffect, useState } from 'preact/hooks';
import { m } from './strings.ts';

const SURE_MS = 4_000;

interface ActButtonProps {
  readonly label: string;
  /** For readers of the screen: the label and what it is about. */
  readonly about: string;
  readonly onAct: () => void;
}

/** A button that ends something: the first press asks, the second one does it. */
export function ActButton({ label, about, onAct }: ActButtonProps) {
  const [asks, setAsks] = useState(false);
  useEffect(() => {
    if (!asks) return undefined;
    const timer = window.setTimeout(() => setAsks(false), SURE_MS);
    return () => window.clearTimeout(timer);
  }, [asks]);
  const press = (): void => {
    setAsks(!asks);
    if (asks) onAct();
  };
  return (
    <button
      type="button"
      class={asks ? 'act act-sure' : 'act'}
      aria-label={`${label} ${about}`}
      onClick={press}
    >
      {asks ? m.sure : label}
    </button>
  );
}
