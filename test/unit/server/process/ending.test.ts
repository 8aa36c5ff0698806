import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Ending, type EndKind } from '../../../../src/server/process/ending.ts';

/** What a sequence of requests leads to. `exit` is the code of an exit on the spot. */
const CASES: readonly {
  readonly requests: readonly EndKind[];
  readonly first: EndKind;
  readonly hastened: boolean;
  readonly exit: number | undefined;
  readonly code: number;
}[] = [
  { requests: ['fast'], first: 'fast', hastened: false, exit: undefined, code: 0 },
  { requests: ['fast', 'fast'], first: 'fast', hastened: false, exit: 1, code: 0 },
  { requests: ['fast', 'graceful'], first: 'fast', hastened: false, exit: undefined, code: 0 },
  { requests: ['graceful'], first: 'graceful', hastened: false, exit: undefined, code: 0 },
  { requests: ['graceful', 'graceful'], first: 'graceful', hastened: false, exit: undefined, code: 0 },
  { requests: ['graceful', 'fast'], first: 'graceful', hastened: true, exit: undefined, code: 0 },
  { requests: ['graceful', 'fast', 'fast'], first: 'graceful', hastened: true, exit: 1, code: 0 },
  { requests: ['graceful', 'crash'], first: 'graceful', hastened: true, exit: undefined, code: 70 },
  { requests: ['crash'], first: 'crash', hastened: false, exit: undefined, code: 70 },
  { requests: ['crash', 'crash'], first: 'crash', hastened: false, exit: 70, code: 70 },
  { requests: ['crash', 'fast'], first: 'crash', hastened: false, exit: 70, code: 70 },
  { requests: ['fast', 'crash'], first: 'fast', hastened: false, exit: 70, code: 0 },
];

suite('Ending', () => {
  for (const { requests, first, hastened, exit, code } of CASES) {
    test(requests.join(', then '), async () => {
      let exited: number | undefined;
      const ending = new Ending((with_) => {
        exited = with_;
      });
      assert.equal(ending.current, undefined);
      for (const [index, kind] of requests.entries()) ending.request({ kind, reason: `${index}` });
      assert.deepEqual(await ending.begun, { kind: first, reason: '0' });
      assert.equal(ending.hastened.aborted, hastened);
      assert.equal(exited, exit);
      assert.equal(ending.code, code);
    });
  }
});
