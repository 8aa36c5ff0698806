import { addQuery } from '../../hub/viewer-context.ts';

const URI_ATTRIBUTE = /(#EXT[^\r\n]*?[:,]URI=")([^"\r\n]*)(")/g;
const URI_LINE = /^(?!#)(\S[^\r\n]*)$/gm;
const MPD_TEMPLATE = /(\s(?:media|initialization|sourceURL)=")([^"]*)(")/g;

/** A playlist or manifest from the disk with a viewer's query at all that it names; other files stay as they are. */
export function withViewer(path: string, text: string, query: string): string {
  const lower = path.toLowerCase();
  if (lower.endsWith('.m3u8')) {
    return text
      .replace(URI_LINE, (uri: string) => addQuery(uri, query))
      .replace(URI_ATTRIBUTE, (_, before: string, uri: string, after: string) => {
        return before + addQuery(uri, query) + after;
      });
  }
  if (!lower.endsWith('.mpd')) return text;
  return text.replace(MPD_TEMPLATE, (whole, before: string, uri: string, after: string) =>
    uri === ''
      ? whole
      : before + addQuery(uri, query).replace(/&(?!amp;|lt;|gt;|quot;|apos;|#)/g, '&amp;') + after,
  );
}
