import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configurationPage, CONFIGURATION_PAGE } from '../../../scripts/configuration-page.ts';

test('docs/configuration.md is what the schema says: node --import tsx scripts/configuration-page.ts', async () => {
  assert.equal(readFileSync(CONFIGURATION_PAGE, 'utf8'), await configurationPage());
});
