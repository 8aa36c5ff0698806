import type { LiveView } from '../api/live-poller.ts';
import { t } from '../strings/index.ts';

export function Header({ live }: { readonly live: LiveView }) {
  const label = { asking: t.asking, ok: t.connected, unreachable: t.unreachable }[live.reach];
  return (
    <header class="top">
      <h1>
        srs-ts <span class="quiet">{t.title}</span>
      </h1>
      <p class={`reach reach-${live.reach}`} role="status">
        <span class="dot" aria-hidden="true" />
        {label}
        {live.answer !== undefined && <span class="quiet version">{live.answer.server.version}</span>}
      </p>
    </header>
  );
}
