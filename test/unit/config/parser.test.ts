import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CONFIG_DEPTH, MAX_DIRECTIVE_ARGS, parseTree } from '../../../src/config/parser.ts';
import type { Directive } from '../../../src/config/parser.ts';
import { Diagnostics, formatProblem } from '../../../src/config/problem.ts';

/** `name arg arg`, or `name arg { … }`: words joined by `|`. */
function shape(directives: readonly Directive[]): string[] {
  return directives.map(({ name, args, children }) => {
    const head = [name, ...args.map(({ text }) => text)].join('|');
    return children === undefined ? head : `${head} { ${shape(children).join(' ; ')} }`;
  });
}

function parse(text: string): { tree: string[]; problems: string[]; directives: readonly Directive[] } {
  const diagnostics = new Diagnostics();
  const { directives } = parseTree(text, 'x', diagnostics);
  return { tree: shape(directives), problems: diagnostics.errors.map(formatProblem), directives };
}

const GRAMMAR: readonly { readonly text: string; readonly tree: readonly string[] }[] = [
  { text: '', tree: [] },
  { text: ' \t\r\n# only a comment', tree: [] },
  { text: 'listen 1935;', tree: ['listen|1935'] },
  { text: 'listen\t1935\r\n1936 ;', tree: ['listen|1935|1936'] },
  { text: 'a;b;c{}', tree: ['a', 'b', 'c {  }'] },
  { text: 'a b{c d;}e;', tree: ['a|b { c|d }', 'e'] },
  { text: 'a # comment ; } {\n b;', tree: ['a|b'] },
  { text: 'a b#c;', tree: ['a|b#c'] },
  { text: 'a; # the end\n#\nb;', tree: ['a', 'b'] },
  { text: 'a b}c;', tree: ['a|b}c'] },
  { text: 'a "b c" \'d ; { } # e\';', tree: ['a|b c|d ; { } # e'] },
  { text: 'a "it\'s" \'say "x"\';', tree: ['a|it\'s|say "x"'] },
  { text: 'a "back\\";', tree: ['a|back\\'] },
  { text: 'a "two\nlines" b;', tree: ['a|two\nlines|b'] },
  { text: 'a "" \'\' b;', tree: ['a|b'] },
  { text: 'a b"c"d;', tree: ['a|b"c"d'] },
  { text: '"a" "b"{ \'c\';}', tree: ['a|b { c }'] },
  { text: '\uFEFFlisten 1935;', tree: ['listen|1935'] },
  { text: 'a b; a c; v x {} v x {}', tree: ['a|b', 'a|c', 'v|x {  }', 'v|x {  }'] },
  { text: 'mount [vhost]/[app]/[stream].flv;', tree: ['mount|[vhost]/[app]/[stream].flv'] },
];

for (const { text, tree } of GRAMMAR) {
  test(`grammar: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parse(text), { ...parse(text), tree, problems: [] });
  });
}

test('each directive and each word knows its place', () => {
  const [vhost] = parse('\n  vhost a {\n\tplay "x\ny"  z;\n}').directives;
  assert.ok(vhost);
  assert.deepEqual([vhost.file, vhost.line, vhost.column], ['x', 2, 3]);
  const play = vhost.children?.[0];
  assert.deepEqual([play?.line, play?.column], [3, 2]);
  assert.deepEqual(play?.args[1], { kind: 'word', text: 'z', line: 4, column: 5 });
});

const BAD: readonly {
  readonly text: string;
  readonly problems: readonly string[];
  readonly tree?: string[];
}[] = [
  { text: 'a;;', problems: ["x:1:3: unexpected ';'; expected a directive name"], tree: ['a'] },
  { text: '"";a;', problems: ["x:1:3: unexpected ';'; expected a directive name"], tree: ['a'] },
  { text: '{a;}', problems: ["x:1:1: unexpected '{'; expected a directive name before it"] },
  { text: 'a;}', problems: ["x:1:3: unexpected '}'; expected a directive: no block is open here"] },
  {
    text: 'a{b c\n}d;',
    problems: ["x:2:1: b: unexpected '}'; expected ';' to end the directive"],
    tree: ['a { b|c }', 'd'],
  },
  {
    text: 'a "b"c;',
    problems: ["x:1:6: a: unexpected 'c' after a closing quote; expected a space, ';' or '{'"],
    tree: ['a|b|c'],
  },
  {
    text: 'a ""#b;',
    problems: [
      "x:1:5: a: unexpected '#' after a closing quote; expected a space, ';' or '{'",
      "x:1:8: a: unexpected end of file; expected ';' or '{'",
    ],
  },
  { text: 'a b', problems: ["x:1:4: a: unexpected end of file; expected ';' or '{'"] },
  { text: 'a\n"b c;', problems: ['x:2:1: a: the quote " is never closed'] },
  {
    text: 'v x {\n a;\n',
    problems: ["x:3:1: unexpected end of file; expected '}' for the block 'v' of line 1"],
  },
  {
    text: 'v x {\n a',
    problems: [
      "x:2:3: a: unexpected end of file; expected ';' or '{'",
      "x:2:3: unexpected end of file; expected '}' for the block 'v' of line 1",
    ],
  },
  { text: 'a b\0c;', problems: ['x:1:3: a: holds bytes that are not UTF-8 text'] },
  {
    text: 'a;;\nb "c"d;\n}',
    problems: [
      "x:1:3: unexpected ';'; expected a directive name",
      "x:2:6: b: unexpected 'd' after a closing quote; expected a space, ';' or '{'",
      "x:3:1: unexpected '}'; expected a directive: no block is open here",
    ],
  },
];

for (const { text, problems, tree } of BAD) {
  test(`syntax error: ${JSON.stringify(text)}`, () => {
    const parsed = parse(text);
    assert.deepEqual(parsed.problems, problems);
    if (tree !== undefined) assert.deepEqual(parsed.tree, tree);
  });
}

test('the number of words and of nested blocks is limited', () => {
  assert.deepEqual(parse(`a${' b'.repeat(MAX_DIRECTIVE_ARGS)};`).problems, []);
  assert.match(parse(`a${' b'.repeat(MAX_DIRECTIVE_ARGS + 1)};`).problems.join(), /more than 1024 arguments/);
  const nest = (depth: number): string => 'a{'.repeat(depth) + '}'.repeat(depth);
  assert.deepEqual(parse(nest(MAX_CONFIG_DEPTH)).problems, []);
  assert.match(
    parse(nest(MAX_CONFIG_DEPTH + 1)).problems.join(),
    /^x:1:34: a: more than 16 blocks inside each other$/,
  );
});
