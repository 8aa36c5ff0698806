import type { StreamAddresses } from '../model/addresses.ts';
import { codecName } from '../model/format.ts';
import { TRANSPORTS } from '../model/transport.ts';
import { t } from '../strings/index.ts';
import { CopyField } from './copy-field.tsx';

export function AddressList({ addresses }: { readonly addresses: StreamAddresses }) {
  return (
    <section class="card" aria-labelledby="addresses-heading">
      <h2 id="addresses-heading">{t.addresses}</h2>
      <CopyField name={t.rtmp} value={addresses.rtmp} />
      {TRANSPORTS.filter((id) => id !== 'll-hls').map((id) => {
        const url = addresses.by[id]; // The playlist of LL-HLS is that of HLS.
        return url !== undefined && <CopyField key={id} name={t.transports[id]} value={url} />;
      })}
      {addresses.sound.map(({ format, url }) => (
        <CopyField key={format} name={t.soundOnly(codecName(format))} value={url} />
      ))}
    </section>
  );
}
