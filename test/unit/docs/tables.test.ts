import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ERRORS } from '../../../src/base/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

function rows(file: string): string[][] {
  return readFileSync(path.join(ROOT, file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
}

function sources(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ts')) found.set(`src/${file}`, readFileSync(path.join(ROOT, 'src', file), 'utf8'));
  }
  return found;
}

test('docs/errors.md has each error of the table once, with its number and who can mend it', () => {
  const documented = rows('docs/errors.md').map(([, code, api, blames]) => `${code} ${api} ${blames}`);
  const expected = Object.entries(ERRORS).map(([code, { api, blames }]) => `${code} ${api} ${blames}`);
  assert.deepEqual(documented.toSorted(), expected.toSorted());
});

test('docs/limits.md names each MAX_ limit of the sources, in the file where it is', () => {
  const documented = new Map(rows('docs/limits.md').map(([, name, , file]) => [name ?? '', file ?? '']));
  const all = sources();
  for (const [name, file] of documented) {
    const text = all.get(file);
    assert.ok(text !== undefined, `${name}: there is no ${file}`);
    assert.match(text, new RegExp(`\\b${name}\\b`), `${file} has no ${name}`);
  }
  for (const [file, text] of all) {
    for (const [, name = ''] of text.matchAll(/^export const (MAX_\w+)/gm)) {
      assert.ok(documented.has(name), `${name} of ${file} is not in docs/limits.md`);
    }
  }
});

test('every relative link of the documentation leads to a file', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].concat(
    readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  );
  for (const page of pages) {
    const text = readFileSync(path.join(ROOT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(((?!https?:|#|mailto:)[^)#]+)/g)) {
      const file = path.join(ROOT, path.dirname(page), target);
      assert.doesNotThrow(
        () => readdirSync(path.dirname(file)).includes(path.basename(file)) || assert.fail(),
        `${page} links to ${target}`,
      );
    }
  }
});
