/** In the place of a secret. */
const HIDDEN = '***';

/**
 * A text of a peer (a URL, a query) without a secret that it may hold: as it is, and as URLs escape it. Only where it stands on its
 * own: what merely begins or ends like it stays, since a short secret may be a part of any word.
 */
export function hideSecret(text: string, secret: string): string {
  if (secret === '' || text === '') return text;
  const wellFormed = Buffer.from(secret, 'utf8').toString('utf8'); // Halves of surrogate pairs cannot be escaped.
  let hidden = text;
  for (const form of new Set([secret, encodeURIComponent(wellFormed), encodeURI(wellFormed)])) {
    if (!hidden.includes(form)) continue;
    const pattern = form.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    hidden = hidden.replace(new RegExp(`(?<![\\p{L}\\p{N}_-])${pattern}(?![\\p{L}\\p{N}_-])`, 'gu'), HIDDEN);
  }
  return hidden;
}
