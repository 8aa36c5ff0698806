import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { directiveAt, placesOf, type PlacedDirective } from '../../../src/config/edit-layout.ts';
import {
  addDirective,
  appendBlock,
  applyEdits,
  removeDirective,
  setArguments,
} from '../../../src/config/edit.ts';

/** The directive that a path of names and arguments leads to, e.g. `vhost a/enabled`. */
function find(text: string, path: string): PlacedDirective {
  let block = placesOf(text);
  let found: PlacedDirective | undefined;
  for (const step of path.split('/')) {
    found = block.children.find(
      ({ words }) =>
        step ===
        words
          .map((word) => word.text)
          .join(' ')
          .slice(0, step.length),
    );
    assert.ok(found, `${path} in ${text}`);
    if (found.block !== undefined) block = found.block;
  }
  assert.ok(found);
  return found;
}

suite('other arguments', () => {
  for (const [before, path, args, after] of [
    ['listen 1935;', 'listen', ['1936'], 'listen 1936;'],
    ['listen              1935; # who\n', 'listen', ['1', '2'], 'listen              1 2; # who\n'],
    ['listen 1 2  3;', 'listen', ['4'], 'listen 4;'],
    ['listen 1 # one\n  2 # two\n;', 'listen', ['4'], 'listen 4 # one\n # two\n;'],
    ['pid;', 'pid', ['./a'], 'pid ./a;'],
    ['pid ./a;', 'pid', [], 'pid;'],
    ['pid "./a b";', 'pid', ['./c d'], 'pid "./c d";'],
    ["pid './a';", 'pid', ['a"b c'], "pid 'a\"b c';"],
    ['vhost a { enabled on; }', 'vhost a/enabled', ['off'], 'vhost a { enabled off; }'],
    ['vhost a{ enabled on; }', 'vhost', ['b'], 'vhost b{ enabled on; }'],
    ['\uFEFFlisten\t1935;', 'listen', ['1'], '\uFEFFlisten\t1;'],
    ['a 1;\r\nlisten 2;\r\n', 'listen', ['3'], 'a 1;\r\nlisten 3;\r\n'],
    ['a "\n\n" {\n\n b 1; }', 'a/b', ['2'], 'a "\n\n" {\n\n b 2; }'],
  ] as const)
    test(JSON.stringify(before), () => {
      assert.equal(applyEdits(before, setArguments(before, find(before, path), args)), after);
    });

  test('a word that no file can say', () => {
    assert.throws(() => setArguments('pid a;', find('pid a;', 'pid'), [`a "b" 'c'`]), RangeError);
  });
});

suite('one directive more', () => {
  for (const [before, path, after] of [
    ['', '', 'x 1;\n'],
    ['# only this', '', '# only this\nx 1;\n'],
    ['a 1;', '', 'a 1;\nx 1;'],
    ['a 1;\n', '', 'a 1;\nx 1;\n'],
    ['a 1; # why\nvhost v { }\n', '', 'a 1; # why\nx 1;\nvhost v { }\n'],
    ['a     1;\nb     2;\n\nvhost v {\n}\n', '', 'a     1;\nb     2;\nx     1;\n\nvhost v {\n}\n'],
    ['a 1; b 2; vhost v { }\n', '', 'a 1; b 2; x 1; vhost v { }\n'],
    ['a 1;\r\nvhost v {\r\n}\r\n', '', 'a 1;\r\nx 1;\r\nvhost v {\r\n}\r\n'],
    ['# top\nvhost v { }\n', '', '# top\nx 1;\nvhost v { }\n'],
    ['vhost v { }', 'vhost v', 'vhost v { x 1; }'],
    ['vhost v {}', 'vhost v', 'vhost v { x 1; }'],
    ['vhost v {\n}\n', 'vhost v', 'vhost v {\n    x 1;\n}\n'],
    ['  vhost v {\n  }\n', 'vhost v', '  vhost v {\n      x 1;\n  }\n'],
    ['vhost v { # c }\n}\n', 'vhost v', 'vhost v { # c }\n    x 1;\n}\n'],
    ['vhost v {\n\t# c\n}\n', 'vhost v', 'vhost v {\n\t# c\n\tx 1;\n}\n'],
    ['vhost v { a 1; }', 'vhost v', 'vhost v { a 1; x 1; }'],
    ['vhost v {\n\ta\t1;\n\tb {\n\t}\n}', 'vhost v', 'vhost v {\n\ta\t1;\n\tx 1;\n\tb {\n\t}\n}'],
    ['vhost v {\n  # of b\n  b {\n  }\n}', 'vhost v', 'vhost v {\n  x 1;\n  # of b\n  b {\n  }\n}'],
    ['vhost v { b { } }', 'vhost v', 'vhost v { x 1; b { } }'],
    [
      'vhost v {\n    b {\n        c on;\n    }\n}\n',
      'vhost v/b',
      'vhost v {\n    b {\n        c on;\n        x 1;\n    }\n}\n',
    ],
  ] as const)
    test(JSON.stringify(before), () => {
      const block = path === '' ? placesOf(before) : find(before, path).block;
      assert.ok(block);
      assert.equal(applyEdits(before, addDirective(before, block, 'x', ['1'])), after);
    });
});

suite('blocks come and go', () => {
  for (const [before, after] of [
    ['', 'vhost v {\n}\n'],
    ['a 1;', 'a 1;\n\nvhost v {\n}\n'],
    ['a 1;\n', 'a 1;\n\nvhost v {\n}\n'],
    ['a 1;\r\n# end', 'a 1;\r\n# end\r\n\r\nvhost v {\r\n}\r\n'],
  ] as const)
    test(`another one behind ${JSON.stringify(before)}`, () => {
      assert.equal(applyEdits(before, appendBlock(before, ['vhost', 'v'])), after);
    });

  for (const [before, after] of [
    ['a 1;\nvhost v {\n  b 1;\n}\nc 1;\n', 'a 1;\nc 1;\n'],
    ['a 1;\n  vhost v { } \r\nc 1;\n', 'a 1;\nc 1;\n'],
    ['vhost v { }', ''],
    ['a 1; vhost v { } c 1;', 'a 1;  c 1;'],
    ['vhost v {\n} # end\n', ' # end\n'],
    ['# of v\nvhost v {\n}\n', '# of v\n'],
  ] as const)
    test(`none in ${JSON.stringify(before)}`, () => {
      assert.equal(applyEdits(before, removeDirective(before, find(before, 'vhost v'))), after);
    });
});

test('a directive is found by the place of its name', () => {
  const text = '\uFEFFlisten 1;\n# c\n  vhost "a\nb" { enabled\n on; x { y 1; } }\n';
  const root = placesOf(text);
  const at = (line: number, column: number): string | undefined =>
    directiveAt(text, root, { line, column })?.words[0].text;
  assert.deepEqual(
    [at(1, 1), at(3, 3), at(4, 6), at(5, 6), at(5, 10), at(1, 2), at(9, 1), at(5, 5)],
    ['listen', 'vhost', 'enabled', 'x', 'y', undefined, undefined, undefined],
  );
});

test('what is no configuration has no places', () => {
  for (const text of ['a', 'a {', '}', ';', '{ }', 'a "b"c;', "a 'b", 'a { b }'])
    assert.throws(() => placesOf(text), RangeError, text);
});
