import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { copyText } from '../model/clipboard.ts';
import { t } from '../strings/index.ts';

const FEEDBACK_MS = 2000;

interface CopyFieldProps {
  readonly name: string;
  readonly value: string;
}

/** A named line of text with a button that copies it and says so. */
export function CopyField({ name, value }: CopyFieldProps) {
  const [outcome, setOutcome] = useState<'copied' | 'failed' | undefined>(undefined);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const copy = async (): Promise<void> => {
    setOutcome((await copyText(value)) ? 'copied' : 'failed');
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setOutcome(undefined), FEEDBACK_MS);
  };

  const said = outcome === 'copied' ? t.copied : outcome === 'failed' ? t.copyFailed : undefined;
  return (
    <div class="field">
      <span class="field-name">{name}</span>
      <code class="field-value">
        <span>{breakable(value)}</span>
      </code>
      <button type="button" class="button" aria-label={t.copyNamed(name)} onClick={() => void copy()}>
        {said ?? t.copy}
      </button>
      <span class="offscreen" role="status">
        {said}
      </span>
    </div>
  );
}

/** Addresses break after a slash or before a question mark, if they must: `live/demo` stays readable. */
function breakable(text: string) {
  return text.split(/(?<=[^/:]\/)(?!\/)|(?=\?)/).map((part, at) => (
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
