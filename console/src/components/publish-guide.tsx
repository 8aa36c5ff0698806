import type { ServerInfo } from '../api/live.ts';
import { publishAddresses } from '../model/addresses.ts';
import { t } from '../strings/index.ts';
import { CopyField } from './copy-field.tsx';

/** What to fill in to publish, ready to copy. */
export function PublishGuide({ server }: { readonly server: ServerInfo }) {
  const publish = publishAddresses(server, location, 'mystream');
  return (
    <div class="publish">
      <h3>{t.publishObs}</h3>
      <CopyField name={t.obsServer} value={publish.server} />
      <CopyField name={t.obsKey} value={publish.key} />
      <h3>{t.publishFfmpeg}</h3>
      <CopyField name={t.ffmpegCommand} value={publish.ffmpeg} />
      <p class="quiet">{t.publishHint}</p>
    </div>
  );
}
