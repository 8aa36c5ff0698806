/** Kept as long as the tab is, and by no other tab. */
const KEY = 'srs-ts console authorization';

export function rememberedAuthorization(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined; // Storage is forbidden: it is asked for again after a reload of the page.
  }
}

export function rememberAuthorization(authorization: string | undefined): void {
  try {
    if (authorization === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, authorization);
  } catch {
    // As above.
  }
}
