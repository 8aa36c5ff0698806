import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { GENERATED_FILES, inRepository } from '../../../scripts/generated-files.ts';

for (const { path, text } of GENERATED_FILES) {
  test(`${path} is what the schema says: node --import tsx scripts/generated-files.ts`, async () => {
    assert.equal(readFileSync(inRepository(path), 'utf8'), await text());
  });
}
