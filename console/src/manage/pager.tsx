import type { Page } from './api.ts';
import { m } from './strings.ts';

interface PagerProps {
  /** What is paged, for those who do not see it. */
  readonly about: string;
  readonly page: Page;
  /** Rows that this page has. */
  readonly shown: number;
  readonly onStart: (start: number) => void;
}

/** Steps through a list of many pages; nothing where one page holds all. */
export function Pager({ about, page: { start, count, total }, shown, onStart }: PagerProps) {
  if (total <= count && start === 0) return null;
  return (
    <nav class="pager" aria-label={`${m.pages}: ${about}`}>
      <button
        type="button"
        class="act"
        disabled={start === 0}
        onClick={() => onStart(Math.max(0, start - count))}
      >
        {m.before}
      </button>
      <span class="quiet">{shown === 0 ? m.noneOf(total) : m.range(start + 1, start + shown, total)}</span>
      <button
        type="button"
        class="act"
        disabled={start + count >= total}
        onClick={() => onStart(start + count)}
      >
        {m.after}
      </button>
    </nav>
  );
}
