import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { placesOf, type PlacedBlock, type PlacedDirective } from '../../../src/config/edit-layout.ts';
import {
  addDirective,
  appendBlock,
  applyEdits,
  removeDirective,
  setArguments,
} from '../../../src/config/edit.ts';
import { Lexer } from '../../../src/config/lexer.ts';
import { parseTree, type Directive } from '../../../src/config/parser.ts';
import { quoteWord } from '../../../src/config/printer.ts';
import { Diagnostics } from '../../../src/config/problem.ts';
import { configText } from '../../support/random-config.ts';

const LIMITED = { numRuns: 500, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false } as const;
const TRIVIA = [' ', '  ', '\t', '\n', '\r\n', ' # c { ; } "\n', '\n# d\n\n', '\n\t', ' #e\n  '];

/** A configuration with blanks, line breaks and comments wherever they may stand. */
const decorated = fc.tuple(configText(), fc.infiniteStream(fc.nat(40))).map(([text, choices]) => {
  const lexer = new Lexer(text);
  const next = (): string => TRIVIA[Number(choices.next().value)] ?? '';
  let result = next();
  for (;;) {
    const token = lexer.next();
    if (token.kind === 'end') return result;
    // Words need something between them; marks do not.
    const after = next();
    const word = token.kind === 'word' ? quoteWord(token.text) : token.text;
    result += word + (token.kind === 'word' && after === '' ? ' ' : after);
    if (token.kind === '}' && after === '') result += '\n';
  }
});

type Shape = readonly [name: string, args: readonly string[], children: readonly Shape[] | undefined];

function shapeOf({ name, args, children }: Directive): Shape {
  return [name, args.map(({ text }) => text), children?.map(shapeOf)];
}

function shapesOf(text: string): readonly Shape[] {
  const diagnostics = new Diagnostics();
  const { directives, sound } = parseTree(text, 'x', diagnostics);
  diagnostics.throwIfAny();
  assert.ok(sound);
  return directives.map(shapeOf);
}

function commentsOf(text: string): readonly string[] {
  return text.match(/# c \{ ; \} "|# d|#e/g) ?? [];
}

interface At {
  readonly directive: PlacedDirective;
  readonly path: readonly number[];
}

function all(block: PlacedBlock, path: readonly number[] = []): readonly At[] {
  return block.children.flatMap((directive, i) => {
    const at = { directive, path: [...path, i] };
    return directive.block === undefined ? [at] : [at, ...all(directive.block, at.path)];
  });
}

/** The shapes with `change` made at a path. */
function changed(
  shapes: readonly Shape[],
  [first = 0, ...rest]: readonly number[],
  change: (shape: Shape) => readonly Shape[],
): readonly Shape[] {
  return shapes.flatMap((shape, i) => {
    if (i !== first) return [shape];
    if (rest.length === 0) return change(shape);
    const [name, args, children] = shape;
    return [[name, args, changed(children ?? [], rest, change)] as const];
  });
}

/** Whether `after` is `before` with one piece put in. */
function isInsertion(before: string, after: string): boolean {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same++;
  for (let from = same; from >= 0; from--)
    if (before.slice(0, from) === after.slice(0, from) && after.endsWith(before.slice(from))) return true;
  return false;
}

const words = fc.array(fc.constantFrom('x', '1935', 'a b', "it's", '#', '{', 'ü', '""'), { maxLength: 3 });

test('the places are those of the parser', () => {
  fc.assert(
    fc.property(decorated, (text) => {
      const shape = ({ words: [name, ...args], block }: PlacedDirective): Shape => [
        name.text,
        args.map((word) => word.text),
        block?.children.map(shape),
      ];
      assert.deepEqual(placesOf(text).children.map(shape), shapesOf(text));
    }),
    LIMITED,
  );
});

test('other arguments change one directive, and nothing before and behind it', () => {
  fc.assert(
    fc.property(decorated, fc.nat(), words, (text, pick, args) => {
      const places = all(placesOf(text));
      const at = places[pick % places.length];
      assert.ok(at);
      const { from, to, words: own, block } = at.directive;
      const after = applyEdits(text, setArguments(text, at.directive, args));
      const want = changed(shapesOf(text), at.path, ([name, , children]) => [[name, args, children]]);
      assert.deepEqual(shapesOf(after), want);
      assert.deepEqual(commentsOf(after), commentsOf(text));
      assert.ok(after.startsWith(text.slice(0, own[0].to)) && from <= own[0].from);
      assert.ok(after.endsWith(text.slice(block === undefined ? to - 1 : block.from - 1)));
    }),
    LIMITED,
  );
});

test('one directive more is put in, and all else stays', () => {
  fc.assert(
    fc.property(decorated, fc.nat(), words, (text, pick, args) => {
      const root = placesOf(text);
      const blocks: readonly (readonly [PlacedBlock, readonly number[] | undefined])[] = [
        [root, undefined],
        ...all(root).flatMap(({ directive: { block }, path }) =>
          block === undefined ? [] : [[block, path] as const],
        ),
      ];
      const [block, path] = blocks[pick % blocks.length] ?? [root, undefined];
      const after = applyEdits(text, addDirective(text, block, 'added', args));
      assert.ok(isInsertion(text, after), 'one piece was put in');
      const before = shapesOf(text);
      const shapes = shapesOf(after);
      const own: Shape = ['added', args, undefined];
      const without = (all: readonly Shape[]): readonly Shape[] => {
        const isOwn = all.findIndex((shape) => JSON.stringify(shape) === JSON.stringify(own));
        assert.notEqual(isOwn, -1);
        return all.toSpliced(isOwn, 1);
      };
      const removed =
        path === undefined
          ? without(shapes)
          : changed(shapes, path, ([name, values, children]) => [[name, values, without(children ?? [])]]);
      assert.deepEqual(removed, before);
      assert.deepEqual(commentsOf(after), commentsOf(text));
    }),
    LIMITED,
  );
});

test('a directive goes, and one block comes', () => {
  fc.assert(
    fc.property(decorated, fc.nat(), (text, pick) => {
      const places = all(placesOf(text));
      const at = places[pick % places.length];
      assert.ok(at);
      const less = applyEdits(text, removeDirective(text, at.directive));
      assert.deepEqual(
        shapesOf(less),
        changed(shapesOf(text), at.path, () => []),
      );
      assert.ok(isInsertion(less, text), 'one piece was taken away');
      const more = applyEdits(text, appendBlock(text, ['vhost', 'a b']));
      assert.deepEqual(shapesOf(more), [...shapesOf(text), ['vhost', ['a b'], []]]);
      assert.ok(more.startsWith(text));
    }),
    LIMITED,
  );
});
