import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, formatProblem, parseConfig } from '../../../src/config/index.ts';
import type { Config, ConfigReader, LoadedConfig } from '../../../src/config/index.ts';
import { parseTree } from '../../../src/config/parser.ts';
import { printTree } from '../../../src/config/printer.ts';
import type { PrintableDirective } from '../../../src/config/printer.ts';
import { Diagnostics } from '../../../src/config/problem.ts';
import type { Row, Rows } from '../../../src/config/schema/row.ts';
import { ROOT } from '../../../src/config/schema/root.ts';

const CAP = { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false, numRuns: 20_000 } as const;
const OPTIONS = { localAddresses: 4 } as const;

const text = fc
  .string({ unit: fc.constantFrom(...Array.from('ab[]/.:0$# \tö😀-_')), minLength: 1, maxLength: 12 })
  .filter((value) => value.trim() !== '');
const url = fc.constantFrom(
  'http://127.0.0.1:8085/api',
  'https://example.org/[app]/[stream]?x=1',
  'http://[::1]/',
);
const DECIDING = ['on_connect', 'on_publish', 'on_play'];
const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.oneof(
  port.map(String),
  fc
    .tuple(fc.constantFrom('127.0.0.1', '[::1]', 'example.org', '0.0.0.0'), port)
    .map((parts) => parts.join(':')),
);

/** Words that are right for a row. */
function words(row: Row, path: string): fc.Arbitrary<readonly string[]> {
  const one = (value: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> => value.map((word) => [word]);
  const max = (most: number, range: { readonly max?: number }): number => Math.min(most, range.max ?? most);
  switch (row.type) {
    case 'flag': // These need company that makes them right.
      return one(
        ['asprocess', 'vhost.ingest.enabled', 'vhost.hls.hls_ll'].includes(path)
          ? fc.constant('off')
          : fc.constantFrom('on', 'off'),
      );
    case 'int':
      if (row.form !== undefined) return one(fc.integer({ min: 0, max: 3 }).map(String));
      return one(fc.integer({ min: row.min ?? 0, max: max(2 ** 31, row) }).map(String));
    case 'float':
      return one(
        fc.integer({ min: (row.min ?? 0) * 10, max: max(1000, row) * 10 }).map((value) => String(value / 10)),
      );
    case 'duration': {
      const ms = fc.integer({ min: row.min ?? 0, max: max(86_400_000, row) });
      return one(
        fc.tuple(ms, fc.boolean()).map(([value, bare]) => {
          if (!bare) return `${value}ms`;
          return String(row.unit === 'ms' ? value : value / 1000);
        }),
      );
    }
    case 'bytes':
      return one(
        fc.oneof(
          fc.integer({ min: Math.max(row.min ?? 0, 1), max: max(2 ** 30, row) }).map(String),
          fc.constantFrom(...(row.max !== undefined && row.max < 70_000 ? ['64'] : ['64K', '65536B', '1m'])),
        ),
      );
    case 'enum':
      return one(fc.constantFrom(...row.values));
    case 'text':
      if (path === 'vhost.http_remux.mount')
        return one(fc.constantFrom('/a.ts', '[vhost]/[app]/[stream].mp3'));
      return one(row.form === undefined ? text : url);
    case 'list':
      if (row.form === 'publish-proof' || row.form === 'play-proof') return fc.constant([]);
      if (row.form === 'networks') return fc.subarray(['10.0.0.0/8', '::1', 'fd00::/8'], { minLength: 1 });
      if (row.form === 'deciding-hook') return fc.subarray(DECIDING, { minLength: 1 });
      return fc.array(row.form === undefined ? text : url, { minLength: 1, maxLength: 3 });
    case 'lists':
      if (row.form === undefined) return fc.array(text, { minLength: 1, maxLength: 3 });
      if (row.form === 'sign-key' || row.form === 'jwt-secret')
        return fc.tuple(fc.constantFrom('a', 'k-1'), fc.constant('s'.repeat(32)));
      if (row.form === 'api-token')
        return fc.tuple(fc.constantFrom('read', 'admin'), fc.constant('0123456789abcdef'));
      return fc.tuple(fc.constantFrom('publish', 'play'), fc.constantFrom('all', '::1', '10.0.0.0/8'));
    case 'listen':
      return one(address);
    case 'listens':
      return fc.array(address, { minLength: 1, maxLength: 3 });
    case 'block':
    case 'blocks':
    case 'free':
      return fc.constant([]);
    default:
      return row satisfies never;
  }
}

type Node = fc.Arbitrary<readonly PrintableDirective[]>;

/** Some directives of a table, each right. */
function block(rows: Rows, path: string): Node {
  const each = Object.entries(rows).map(([name, row]): Node => {
    const here = path === '' ? name : `${path}.${name}`;
    const some = directive(name, row, here);
    if (here === 'listen') return some;
    return fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: some });
  });
  return fc.tuple(...each).map((found) => found.flat());
}

function directive(name: string, row: Row, path: string): Node {
  const of = (args: readonly string[], children?: readonly PrintableDirective[]): PrintableDirective => ({
    name,
    args: args.map((word) => ({ text: word })),
    children,
  });
  switch (row.type) {
    case 'block':
      return block(row.rows, path).map((children) => [of([], children)]);
    case 'blocks':
      return fc
        .array(block(row.rows, path), { minLength: 1, maxLength: 2 })
        .map((all) => all.map((children, i) => of([`name${i}`], children)));
    case 'free':
      return fc.array(text, { maxLength: 2 }).map((options) => [
        of(
          [],
          options.map((word) => ({ name: 'opt', args: [{ text: word }], children: undefined })),
        ),
      ]);
    case 'lists':
      return fc
        .array(words(row, path), { minLength: 1, maxLength: 2 })
        .map((all) => all.map((args) => of(args)));
    case 'flag':
    case 'int':
    case 'float':
    case 'duration':
    case 'bytes':
    case 'enum':
    case 'text':
    case 'list':
    case 'listen':
    case 'listens':
      return words(row, path).map((args) => [of(args)]);
    default:
      return row satisfies never;
  }
}

const configuration = block(ROOT, '');

/** Options without the places where addresses were written. */
function bare(config: Config): unknown {
  return JSON.parse(JSON.stringify(config, (key, value: unknown) => (key === 'origin' ? undefined : value)));
}

test('a random configuration survives parse, print and parse, however it was laid out', () => {
  const gap = fc.constantFrom(' ', '\n', '\t\t', ' \r\n', ' # a comment { ; "\n');
  let seen = 0;
  fc.assert(
    fc.property(configuration, fc.array(gap, { minLength: 1, maxLength: 50 }), (directives, gaps) => {
      seen++;
      const printed = printTree(directives);
      let at = 0;
      // Only between directives: inside them a line end may belong to a quoted word.
      const messy = printed.replace(/\n/g, () => `\n${gaps[at++ % gaps.length] ?? ''}`);
      const first = parseConfig(messy, 'x', OPTIONS);
      const again = printTree(parseTree(messy, 'x', new Diagnostics()).directives);
      assert.equal(again, printed);
      assert.deepEqual(bare(parseConfig(again, 'x', OPTIONS).config), bare(first.config));
    }),
    CAP,
  );
  assert.ok(seen > 10);
});

/** Takes some blocks' directives out into files of their own. */
function split(
  directives: readonly PrintableDirective[],
  choose: () => boolean,
  files: Map<string, string>,
): PrintableDirective[] {
  return directives.map((node) => {
    if (node.children === undefined) return node;
    const children = split(node.children, choose, files);
    if (!choose()) return { ...node, children };
    const name = `${files.size}.conf`;
    files.set(`/srs/${name}`, printTree(children));
    return { ...node, children: [{ name: 'include', args: [{ text: name }], children: undefined }] };
  });
}

function readerOf(files: ReadonlyMap<string, string>): ConfigReader {
  return {
    read(path, maxBytes) {
      const content = files.get(path);
      if (content === undefined) return { ok: false, reason: 'missing', why: 'there is no such file' };
      const bytes = Buffer.byteLength(content);
      return bytes > maxBytes
        ? { ok: false, reason: 'too-large', why: '' }
        : { ok: true, text: content, bytes };
    },
    list: () => Array.from(files.keys(), (path) => path.slice('/srs/'.length)),
  };
}

test('a configuration in many files is the one in a single file', () => {
  fc.assert(
    fc.property(configuration, fc.array(fc.boolean(), { minLength: 1 }), (directives, choices) => {
      const files = new Map<string, string>();
      let at = 0;
      const main = split(directives, () => choices[at++ % choices.length] ?? false, files);
      const options = { ...OPTIONS, cwd: '/srs', reader: readerOf(files) };
      const loaded = parseConfig(printTree(main), 'main.conf', options);
      const whole = parseConfig(printTree(directives), 'main.conf', OPTIONS);
      assert.deepEqual(bare(loaded.config), bare(whole.config));
      assert.deepEqual([...loaded.origins.keys()], [...whole.origins.keys()]);
      assert.equal(loaded.files.length, files.size + 1);
    }),
    CAP,
  );
});

test('any set of files that include each other is a configuration or located errors', () => {
  const piece = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('include', 'a', 'b', 'c', '*', 'a*', '/srs/b', '../srs/c', 'none'),
    },
    fc.constantFrom(
      'vhost',
      'play',
      'refer',
      'mr',
      'http',
      'rtmp',
      'gop_cache',
      'on',
      'listen',
      '1',
      'forward',
      'rtc',
      'aac',
    ),
    { weight: 2, arbitrary: fc.constantFrom(';', ';', ';', '{', '}', '\n', '"', '\0') },
  );
  const content = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(' '));
  fc.assert(
    fc.property(content, content, content, content, (main, a, b, c) => {
      const texts = new Map([
        ['/srs/a', a],
        ['/srs/b', b],
        ['/srs/c', c],
      ]);
      const lines = new Map<string, readonly string[]>([['main', main.split('\n')]]);
      for (const [path, value] of texts) {
        lines.set(path, value.split('\n'));
        lines.set(path.slice('/srs/'.length), value.split('\n'));
        lines.set(`..${path}`, value.split('\n'));
      }
      let loaded: LoadedConfig;
      try {
        loaded = parseConfig(main, 'main', { ...OPTIONS, cwd: '/srs', reader: readerOf(texts) });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.ok(error.problems.length > 0);
        for (const problem of error.problems) {
          const message = formatProblem(problem);
          assert.doesNotMatch(message, /\p{Cc}/u);
          for (let at: typeof problem.from = problem; at !== undefined; at = at.from) {
            const of = lines.get(at.file);
            assert.ok(of !== undefined, message);
            assert.ok(at.line <= of.length, message);
            if (at.line > 0) assert.ok(at.column <= (of[at.line - 1]?.length ?? 0) + 1, message);
          }
          assert.equal(message.includes('included from'), problem.file !== 'main', message);
        }
        return;
      }
      assert.equal(loaded.files[0], '/srs/main');
      assert.equal(new Set(loaded.files).size, loaded.files.length);
    }),
    { ...CAP, examples: [['listen 1; include a;', 'include b;', 'include c; vhost v { refer on; }', ';']] },
  );
  fc.assert(
    fc.property(content, (a) => {
      // Mostly right around it, so that the passes behind the parser see it too.
      try {
        parseConfig('listen 1; vhost v { include a; } include a;', 'main', {
          cwd: '/srs',
          reader: readerOf(new Map([['/srs/a', a]])),
        });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }),
    CAP,
  );
});
