import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { renderReference } from '../src/config/reference-page.ts';

/** Where the page is. */
export const CONFIGURATION_PAGE = new URL('../docs/configuration.md', import.meta.url);

/** The page as it must be in the repository: generated, then formatted as the formatter wants it. */
export async function configurationPage(): Promise<string> {
  const settings = readFileSync(new URL('../.prettierrc.json', import.meta.url), 'utf8');
  return format(renderReference(), { ...(JSON.parse(settings) as object), parser: 'markdown' });
}

// Run as a script: write the page.
if (process.argv[1] === import.meta.filename) writeFileSync(CONFIGURATION_PAGE, await configurationPage());
