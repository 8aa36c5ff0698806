import fc from 'fast-check';
import { ConfigError, parseConfig, type LoadedConfig } from '../../src/config/index.ts';
import { formatBytes } from '../../src/config/units.ts';
import { ROOT } from '../../src/config/schema/root.ts';
import type { Row, Rows } from '../../src/config/schema/row.ts';

/** Directives that would make most random configurations invalid together. */
const LEFT_OUT = new Set(['asprocess', 'srs_log_tank']);

/** Texts of whole configuration files, made from the schema: every directive that does something, valid values, many defaults. */
export function configText(): fc.Arbitrary<string> {
  return fc
    .tuple(block(ROOT), fc.integer({ min: 1, max: 5 }))
    .map(([text, port]) => `listen ${19_350 + port};\n${text}`);
}

/** Configurations that can be used. */
export function loadedConfig(): fc.Arbitrary<LoadedConfig> {
  return configText()
    .map(tryParse)
    .filter((loaded) => loaded !== undefined);
}

function tryParse(text: string): LoadedConfig | undefined {
  try {
    return parseConfig(text, 'random.conf');
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function block(rows: Rows): fc.Arbitrary<string> {
  const parts = Object.entries(rows)
    .filter(([name, row]) => row.feature === undefined && row.type !== 'listens' && !LEFT_OUT.has(name))
    .map(([name, row]) => directive(name, row));
  return fc.tuple(...parts).map((lines) => lines.join(''));
}

function directive(name: string, row: Row): fc.Arbitrary<string> {
  if (row.type === 'blocks') {
    const arguments_ = row.argument.option === 'name' ? ['__defaultVhost__', 'a', 'b', 'c'] : ['one', 'two'];
    const inner = block(row.rows);
    const member = fc.tuple(fc.constantFrom(...arguments_), inner);
    // Vhosts may be there twice (the first one counts), ids may not.
    const members =
      name === 'vhost'
        ? fc.array(member, { maxLength: 4 })
        : fc.uniqueArray(member, { maxLength: 2, selector: ([argument]) => argument });
    return members.map((all) =>
      all.map(([argument, text]) => `${name} ${argument} {\n${extra(name)}${text}}\n`).join(''),
    );
  }
  // Its ending says what is served.
  if (name === 'mount') return fc.constantFrom('', 'mount [vhost]/[app]/[stream].ts;\n');
  if (row.type === 'block') return block(row.rows).map((text) => `${name} {\n${text}}\n`);
  return fc.option(value(row), { nil: undefined, freq: 2 }).map((text) => {
    return text === undefined ? '' : `${name} ${text};\n`;
  });
}

/** An ingest that is on must have both. */
function extra(name: string): string {
  return name === 'ingest' ? 'input { url ./in.flv; }\nengine { output rtmp://127.0.0.1/live/in; }\n' : '';
}

/** Words of lists, by their form. */
const WORDS = {
  any: ['p', 'q', 'r'],
  'http-url': ['http://p/q', 'https://r'],
  'deciding-hook': ['on_connect', 'on_publish', 'on_play'],
  networks: ['::1', '10.0.0.0/8', '192.0.2.7'],
  'access-rule': ['play all', 'publish 10.0.0.0/8', 'play ::1'],
} as const;

function value(row: Row): fc.Arbitrary<string> {
  switch (row.type) {
    case 'flag':
      return fc.constantFrom('on', 'off');
    case 'int':
      if (row.form === 'local-address') return fc.constant('0');
      return near(row.min ?? 0, row.max).map(String);
    case 'float':
      return near(row.min ?? 0, row.max).map((number) => `${number}.5`);
    case 'duration':
      return near(Math.max(row.min ?? 0, 1), row.max).map((ms) => `${ms}ms`);
    case 'bytes':
      return near(Math.max(row.min ?? 0, 65_536), row.max).map(formatBytes);
    case 'enum':
      return fc.constantFrom(...row.values.filter((word) => word !== ''));
    case 'text':
      if (row.form === 'http-url') return fc.constantFrom(...WORDS['http-url']);
      return fc.constantFrom('./x', '/tmp/y', '[vhost]/[app]/[stream].flv', '"a b"');
    case 'list':
    case 'lists':
      if (row.form === 'access-rule') return fc.constantFrom(...WORDS['access-rule']);
      // They need company that makes them right.
      if (row.form === 'publish-proof' || row.form === 'play-proof') return fc.constant('');
      if (row.form === 'sign-key' || row.form === 'jwt-secret')
        return fc.constantFrom(`a ${'p'.repeat(32)}`, `b ${'q'.repeat(40)}`);
      if (row.form === 'api-token')
        return fc.constantFrom('read 0123456789abcdef', 'admin abcdef-._~0123456789==');
      return fc
        .array(fc.constantFrom(...WORDS[row.form ?? 'any']), { minLength: 1, maxLength: 3 })
        .map((all) => all.join(' '));
    case 'listen':
      return fc.constantFrom('8080', '8081', '127.0.0.1:8080', '[::1]:8080');
    case 'listens':
    case 'block':
    case 'blocks':
    case 'free':
      return fc.constant('');
    default:
      return row satisfies never;
  }
}

/** A few values at the lower end of a range: two configurations shall often agree. */
function near(min: number, max: number | undefined): fc.Arbitrary<number> {
  return fc.integer({ min, max: Math.min(max ?? Infinity, min + 4) });
}
