import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, formatProblem, parseConfig } from '../../../src/config/index.ts';
import { parseTree } from '../../../src/config/parser.ts';
import type { Directive } from '../../../src/config/parser.ts';
import { printTree } from '../../../src/config/printer.ts';
import type { PrintableDirective } from '../../../src/config/printer.ts';
import { Diagnostics } from '../../../src/config/problem.ts';
import type { Rows } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';

const CAP = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 20_000 } as const;

/** Any word that the format can hold. */
const word = fc
  .string({ unit: fc.constantFrom(...Array.from('ab[]/.:0;{}#"\' \t\n\\é😀')), minLength: 1, maxLength: 8 })
  .filter((text) => !(text.includes('"') && text.includes("'")));

const tree = fc.letrec<{ list: PrintableDirective[]; node: PrintableDirective }>((tie) => ({
  list: fc.array(tie('node'), { maxLength: 4, depthIdentifier: 'tree' }),
  node: fc.record({
    name: word,
    args: fc.array(
      word.map((text) => ({ text })),
      { maxLength: 4 },
    ),
    children: fc.option(tie('list'), { nil: undefined, maxDepth: 6, depthIdentifier: 'tree' }),
  }),
})).list;

function bare(directives: readonly (Directive | PrintableDirective)[]): PrintableDirective[] {
  return directives.map(({ name, args, children }) => ({
    name,
    args: args.map(({ text }) => ({ text })),
    children: children === undefined ? undefined : bare(children),
  }));
}

test('any tree survives print and parse', () => {
  fc.assert(
    fc.property(tree, (directives) => {
      const diagnostics = new Diagnostics();
      const text = printTree(directives);
      const parsed = parseTree(text, 'x', diagnostics);
      assert.deepEqual(diagnostics.errors, [], text);
      assert.deepEqual(bare(parsed.directives), bare(directives));
    }),
    CAP,
  );
});

/** A text becomes a configuration, or a ConfigError whose problems each say where. */
function mustBeConfigOrError(text: string): void {
  try {
    const { config } = parseConfig(text, 'x');
    assert.ok(config.listen.length > 0);
    assert.ok(Object.isFrozen(config.listen[0]));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.problems.length > 0);
    const lines = text.split('\n');
    for (const problem of error.problems) {
      assert.match(formatProblem(problem), /^x(:\d+:\d+)?: ?/);
      assert.ok(problem.line <= lines.length, `line ${problem.line} of ${lines.length}`);
      if (problem.line > 0) assert.ok(problem.column <= (lines[problem.line - 1]?.length ?? 0) + 1);
      assert.doesNotMatch(formatProblem(problem), /\p{Cc}/u);
    }
  }
}

test('any text is a configuration or a located error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.constantFrom(...Array.from('a;{}#"\' \n\0\u001b')) }),
      ),
      mustBeConfigOrError,
    ),
    CAP,
  );
});

function names(rows: Rows): string[] {
  return Object.entries(rows).flatMap(([name, row]) => ['rows' in row ? names(row.rows) : [], name].flat());
}

test('any mix of real names and odd values is a configuration or a located error', () => {
  const name = fc.constantFrom(...new Set([...names(ROOT), 'constructor', '__proto__', 'toString']));
  const value = fc.oneof(
    fc.constantFrom(
      'on',
      'off',
      '1',
      '0',
      '-1',
      '10s',
      '1e9',
      '99999999999999999999',
      '50M',
      '[::1]:1',
      ':',
      '1.5',
    ),
    word,
  );
  const piece = fc.oneof(
    { weight: 4, arbitrary: name },
    { weight: 4, arbitrary: value },
    fc.constantFrom('{', '}', ';', ';', '\n', ';\n', '" "'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) =>
      mustBeConfigOrError(`listen 1935; ${pieces.join(' ')}`),
    ),
    CAP,
  );
  const node = (rows: Rows): fc.Arbitrary<PrintableDirective> =>
    fc.constantFrom(...Object.entries(rows)).chain(([key, row]) =>
      fc.record({
        name: fc.constant(key),
        args: fc.array(
          value.map((text) => ({ text })),
          { maxLength: 2 },
        ),
        children: 'rows' in row ? fc.array(node(row.rows), { maxLength: 5 }) : fc.constant(undefined),
      }),
    );
  fc.assert(
    fc.property(fc.array(node(ROOT), { maxLength: 6 }), (directives) =>
      mustBeConfigOrError(printTree(directives)),
    ),
    CAP,
  );
});
