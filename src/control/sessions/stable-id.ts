import { createHash } from 'node:crypto';

/** An id of SRS's form that the same name always gets, so that nothing has to be remembered for it. */
export function stableId(kind: 'str' | 'vid' | 'ban', name: string): string {
  return `${kind}-${createHash('sha1').update(name).digest('hex').slice(0, 10)}`;
}
