import type { StreamAddresses } from '../model/addresses.ts';
import { t } from '../strings/index.ts';
import { CopyField } from './copy-field.tsx';

export function AddressList({ addresses }: { readonly addresses: StreamAddresses }) {
  return (
    <section class="card" aria-labelledby="addresses-heading">
      <h2 id="addresses-heading">{t.addresses}</h2>
      <CopyField name={t.rtmp} value={addresses.rtmp} />
      <CopyField name={t.httpFlv} value={addresses.httpFlv} />
      <CopyField name={t.wsFlv} value={addresses.wsFlv} />
    </section>
  );
}
