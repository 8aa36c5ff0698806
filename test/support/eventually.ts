/**
 * Looks every few milliseconds until `condition` holds (is neither false nor undefined) and returns what it gave. Fails with
 * `what` after `withinMs`.
 */
export async function eventually<T>(
  condition: () => T | false | undefined,
  what: string | (() => string),
  withinMs = 5_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = condition();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > end) {
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
