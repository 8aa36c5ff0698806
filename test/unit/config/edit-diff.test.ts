import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffTexts, MAX_DIFF_LINES } from '../../../src/config/edit-diff.ts';

const HEAD = ['--- f', '+++ f'];

for (const [name, before, after, want] of [
  ['nothing', 'a 1;\n', 'a 1;\n', []],
  [
    'a line',
    'a 1;\nb 2;\nc 3;\n',
    'a 1;\nb 3;\nc 3;\n',
    [...HEAD, '@@ -1,3 +1,3 @@', ' a 1;', '-b 2;', '+b 3;', ' c 3;'],
  ],
  ['one more at the end', 'a 1;\n', 'a 1;\nb 2;\n', [...HEAD, '@@ -1,1 +1,2 @@', ' a 1;', '+b 2;']],
  ['one less', 'a 1;\nb 2;\n', 'b 2;\n', [...HEAD, '@@ -1,2 +1,1 @@', '-a 1;', ' b 2;']],
  [
    'three lines around it',
    '#1\n#2\n#3\n#4\na 1;\n#5\n#6\n#7\n#8\n',
    '#1\n#2\n#3\n#4\na 2;\n#5\n#6\n#7\n#8\n',
    [...HEAD, '@@ -2,7 +2,7 @@', ' #2', ' #3', ' #4', '-a 1;', '+a 2;', ' #5', ' #6', ' #7'],
  ],
  [
    'the same line again',
    'a 1;\na 1;\n',
    'a 1;\na 1;\na 1;\n',
    [...HEAD, '@@ -1,2 +1,3 @@', ' a 1;', ' a 1;', '+a 1;'],
  ],
  ['into nothing', '', 'a 1;\n', [...HEAD, '@@ -0,0 +1,1 @@', '+a 1;']],
  ['with carriage returns', 'a 1;\r\n', 'a 2;\r\n', [...HEAD, '@@ -1,1 +1,1 @@', '-a 1;', '+a 2;']],
  [
    'secrets are masked',
    'password "s3 cret"; b 1;\n',
    'password "s3 cret"; b 2;\n',
    [...HEAD, '@@ -1,1 +1,1 @@', '-password ******; b 1;', '+password ******; b 2;'],
  ],
  [
    'also around it, over lines, and in URLs',
    'token read\n s3cret;\nurl rtmp://u:s3cret@h/a?token=s3cret;\na 1;\n',
    'token read\n s3cret;\nurl rtmp://u:s3cret@h/a?token=s3cret;\na 2;\n',
    [
      ...HEAD,
      '@@ -1,4 +1,4 @@',
      ' token ******',
      '  ******;',
      ' url rtmp://u:******@h/a?token=******;',
      '-a 1;',
      '+a 2;',
    ],
  ],
  ['a secret alone', 'password a;\n', 'password b;\n', []],
] as const)
  test(name, () => assert.deepEqual(diffTexts('f', before, after), want));

test('a long difference is cut', () => {
  const lines = diffTexts('f', '', 'a 1;\n'.repeat(MAX_DIFF_LINES));
  assert.equal(lines.length, MAX_DIFF_LINES + 1);
  assert.equal(lines.at(-1), '… and 3 more lines');
});
