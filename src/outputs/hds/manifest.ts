import type { Buffer } from 'node:buffer';

export interface ManifestFacts {
  /** Base of the URLs, beside the manifest. */
  readonly url: string;
  /** onMetaData as AMF0, with its name. */
  readonly metadata: Buffer | undefined;
  readonly isOver: boolean;
}

/** The Flash Media Manifest of one stream. Spec: Flash Media Manifest 1.0. */
export function writeManifest({ url, metadata, isOver }: ManifestFacts): string {
  const name = escapeXml(url);
  const inside =
    metadata === undefined ? '' : `\n    <metadata>${metadata.toString('base64')}</metadata>\n  `;
  return `<?xml version="1.0" encoding="utf-8"?>
<manifest xmlns="http://ns.adobe.com/f4m/1.0">
  <id>${name}.f4m</id>
  <streamType>${isOver ? 'recorded' : 'live'}</streamType>
  <deliveryType>streaming</deliveryType>
  <bootstrapInfo profile="named" url="${name}.abst" id="bootstrap0"/>
  <media bitrate="0" url="${name}" bootstrapInfoId="bootstrap0">${inside}</media>
</manifest>
`;
}

/** The URL is percent-encoded; of what XML takes for itself it may hold these two. */
function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll("'", '&apos;');
}
