import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { renderEnvironmentPage } from '../src/config/environment-page.ts';
import { renderFullConf } from '../src/config/full-conf.ts';
import { configSchema } from '../src/config/json-schema.ts';
import { configurationPage } from './configuration-page.ts';

/** A file of the repository that is made from the table of directives. */
export interface GeneratedFile {
  /** Path from the folder of the repository. */
  readonly path: string;
  /** The text that it must have. */
  readonly text: () => Promise<string>;
}

/** All of them. */
export const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: 'docs/configuration.md', text: configurationPage },
  { path: 'docs/environment.md', text: () => formatted(renderEnvironmentPage(), 'markdown') },
  { path: 'conf/full.conf', text: () => Promise.resolve(renderFullConf()) },
  { path: 'conf/srs.schema.json', text: () => formatted(JSON.stringify(configSchema()), 'json') },
];

/** Where a path from the folder of the repository is. */
export function inRepository(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

async function formatted(text: string, parser: 'markdown' | 'json'): Promise<string> {
  const settings = JSON.parse(readFileSync(inRepository('.prettierrc.json'), 'utf8')) as object;
  return format(text, { ...settings, parser });
}

// Run as a script: write them.
if (process.argv[1] === import.meta.filename)
  for (const { path, text } of GENERATED_FILES) writeFileSync(inRepository(path), await text());
