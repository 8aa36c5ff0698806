/** Objects that are written before others on the event loop have their turn: about 2 ms. */
const TURN = 500;

/**
 * The text of `{...head, [name]: items}`: the objects are made and written a few hundred at a time, so that long lists do not
 * keep media waiting.
 */
export async function jsonList<T>(
  head: object,
  name: string,
  items: readonly T[],
  toObject: (item: T) => object,
): Promise<string> {
  const texts: string[] = [];
  for (let at = 0; at < items.length; at += TURN) {
    if (at > 0) await new Promise(setImmediate);
    const turn = JSON.stringify(items.slice(at, at + TURN).map(toObject));
    texts.push(turn.slice(1, -1));
  }
  return `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[${texts.join(',')}]}`;
}
