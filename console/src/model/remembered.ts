import { asTransport, type TransportId } from './transport.ts';

const KEY = 'srs-ts.play-by';

/** The last choice of this browser; undefined when there is none, or when the browser keeps nothing. */
export function rememberedTransport(): TransportId | undefined {
  try {
    return asTransport(localStorage.getItem(KEY));
  } catch {
    return undefined; // Storage is switched off.
  }
}

export function rememberTransport(id: TransportId): void {
  try {
    localStorage.setItem(KEY, id);
  } catch {
    // Then the address bar alone carries it.
  }
}
