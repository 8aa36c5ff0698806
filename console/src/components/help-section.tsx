import type { ServerInfo } from '../api/live.ts';
import { t } from '../strings/index.ts';
import { PublishGuide } from './publish-guide.tsx';

/** How to publish, and the keys, folded away. */
export function HelpSection({ server }: { readonly server: ServerInfo }) {
  return (
    <section class="card help" aria-label={t.help}>
      <details>
        <summary>{t.publish}</summary>
        <PublishGuide server={server} />
      </details>
      <details>
        <summary>{t.keys}</summary>
        <dl class="keys">
          <dt>
            <kbd>{t.keySpace}</kbd>
          </dt>
          <dd>{t.keyPlay}</dd>
          <dt>
            <kbd>M</kbd>
          </dt>
          <dd>{t.keyMute}</dd>
          <dt>
            <kbd>F</kbd>
          </dt>
          <dd>{t.keyFullscreen}</dd>
        </dl>
      </details>
    </section>
  );
}
