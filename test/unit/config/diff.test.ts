import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  describeChange,
  diffConfig,
  parseConfig,
  revertChanges,
  type Config,
  type ConfigChange,
  type LoadedConfig,
} from '../../../src/config/index.ts';
import { configText, loadedConfig } from '../../support/random-config.ts';

const BASE = 'listen 1935; vhost a { chunk_size 4096; play { mw_latency 350; } }';

const load = (text: string): LoadedConfig => parseConfig(text, 'test.conf');
const texts = (before: string, after: string): string[] =>
  diffConfig(load(before), load(after)).map(describeChange);

interface DiffCase {
  readonly name: string;
  readonly before?: string;
  readonly after: string;
  readonly want: readonly string[];
}

const INGEST = (url: string): string =>
  `ingest one { enabled on; input { url ${url}; } engine { output rtmp://127.0.0.1:[port]/live/x; } }`;

const CASES: readonly DiffCase[] = [
  { name: 'the same', after: BASE, want: [] },
  {
    name: 'comments, places and defaults that are written out',
    after: `# x\n\ndaemon on;\n${BASE}`,
    want: [],
  },
  {
    name: 'another port',
    after: BASE.replace('1935', '1935 127.0.0.1:1936'),
    want: ['listen: *:1935 -> *:1935 127.0.0.1:1936'],
  },
  {
    name: 'an option of a vhost',
    after: BASE.replace('350', '100'),
    want: ['vhost.play.mw_latency of vhost a: 350ms -> 100ms'],
  },
  {
    name: 'an option that is a default now',
    after: 'listen 1935; vhost a { chunk_size 4096; play { mw_latency 350ms; } }',
    want: [],
  },
  {
    name: 'the global chunk size, where one vhost has its own',
    after: `${BASE} chunk_size 5000; vhost b {}`,
    before: `${BASE} vhost b {}`,
    want: ['chunk_size: 60000 -> 5000', 'vhost.chunk_size of vhost b: 60000 -> 5000'],
  },
  { name: 'a new vhost', after: `${BASE} vhost b {}`, want: ['vhost b is added'] },
  { name: 'a vhost that is gone', before: `${BASE} vhost b {}`, after: BASE, want: ['vhost b is removed'] },
  {
    name: 'a vhost with another name',
    after: BASE.replace('vhost a', 'vhost b'),
    want: ['vhost a is removed', 'vhost b is added'],
  },
  { name: 'vhosts in another order', before: `${BASE} vhost b {}`, after: `vhost b {} ${BASE}`, want: [] },
  { name: 'a second block of one name does not count', after: `${BASE} vhost a { enabled off; }`, want: [] },
  {
    name: 'a block of the same name before it does',
    after: `vhost a { chunk_size 4096; enabled off; } ${BASE}`,
    want: ['vhost.enabled of vhost a: on -> off'],
  },
  {
    name: 'an ingest comes',
    before: 'listen 1; vhost a {}',
    after: `listen 1; vhost a { ${INGEST('./x')} }`,
    want: ['ingest one of vhost a is added'],
  },
  {
    name: 'an ingest goes',
    before: `listen 1; vhost a { ${INGEST('./x')} }`,
    after: 'listen 1; vhost a {}',
    want: ['ingest one of vhost a is removed'],
  },
  {
    name: 'an ingest changes',
    before: `listen 1; vhost a { ${INGEST('./x')} }`,
    after: `listen 1; vhost a { ${INGEST('./y')} }`,
    want: ["vhost.ingest.input.url of one of vhost a: './x' -> './y'"],
  },
  {
    name: 'secrets of addresses are not shown',
    before: `listen 1; vhost a { ${INGEST('http://u:secret@host:80/secret?token=secret')} }`,
    after: `listen 1; vhost a { ${INGEST('rtmp://other/secret')} }`,
    want: ['vhost.ingest.input.url of one of vhost a: http://host:80/… -> rtmp://other/…'],
  },
  {
    name: 'the output of an ingest is not shown at all',
    before: `listen 1; vhost a { ${INGEST('./x')} }`,
    after: `listen 1; vhost a { ${INGEST('./x').replace('live/x', 'live/secret')} }`,
    want: ['vhost.ingest.engine of one of vhost a: changed'],
  },
];

for (const { name, before = BASE, after, want } of CASES) {
  test(`the difference: ${name}`, () => {
    assert.deepEqual(texts(before, after), want);
  });
}

test('a change knows its values, its behaviour and where the new value is written', () => {
  const [change, ...more] = diffConfig(load(BASE), load(BASE.replace('vhost', 'work_dir /x;\nvhost')));
  assert.deepEqual(more, []);
  assert.deepEqual(change, {
    directive: 'work_dir',
    vhost: undefined,
    id: undefined,
    kind: 'changed',
    from: './',
    to: '/x',
    reload: 'restart',
    origin: { file: 'test.conf', line: 1, column: 14 },
  });
});

/** The options alone: without places, first vhosts only, in one order. */
function effective(config: Config): unknown {
  const seen = new Set<string>();
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  const vhosts = config.vhosts
    .filter(({ name }) => !seen.has(name) && seen.add(name))
    .map((vhost) => ({ ...vhost, ingests: vhost.ingests.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }))
    .toSorted(byName);
  const json = JSON.stringify({ ...config, vhosts }, (key, value: unknown) =>
    key === 'origin' || key === 'directive' ? undefined : value,
  );
  return JSON.parse(json);
}

const sameConfig = (a: Config, b: Config): boolean =>
  JSON.stringify(effective(a)) === JSON.stringify(effective(b));
const keys = (changes: readonly ConfigChange[]): string[] =>
  changes.map(({ directive, vhost, id, kind }) => JSON.stringify([directive, vhost, id, kind])).toSorted();

test('a file does not differ from itself, wherever it is', () => {
  fc.assert(
    fc.property(configText(), (text) => {
      let loaded: LoadedConfig;
      try {
        loaded = parseConfig(text, 'a.conf');
      } catch {
        fc.pre(false);
        return;
      }
      assert.deepEqual(diffConfig(loaded, parseConfig(`\n\n${text}`, 'b.conf')), []);
    }),
    { numRuns: 50 },
  );
});

test('two configurations differ exactly when one option that counts does', () => {
  fc.assert(
    fc.property(loadedConfig(), loadedConfig(), (a, b) => {
      assert.equal(diffConfig(a, b).length === 0, sameConfig(a.config, b.config));
    }),
    { numRuns: 100 },
  );
});

test('with all changes reverted the old configuration is in force again', () => {
  fc.assert(
    fc.property(loadedConfig(), loadedConfig(), (a, b) => {
      const back = revertChanges(b.config, a.config, diffConfig(a, b));
      assert.deepEqual(effective(back), effective(a.config));
    }),
    { numRuns: 100 },
  );
});

test('with some changes reverted exactly the others are left, and nothing of it can be changed', () => {
  fc.assert(
    fc.property(loadedConfig(), loadedConfig(), fc.infiniteStream(fc.boolean()), (a, b, coins) => {
      const changes = diffConfig(a, b);
      const reverted = changes.filter(() => coins.next().value === true);
      const kept = changes.filter((change) => !reverted.includes(change));
      const config = revertChanges(b.config, a.config, reverted);
      assert.deepEqual(keys(diffConfig(a, { ...b, config })), keys(kept));
      assert.deepEqual(keys(diffConfig(config, b)), keys(reverted));
      assertFrozen(config);
    }),
    { numRuns: 100 },
  );
});

function assertFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  assert.ok(Object.isFrozen(value));
  for (const member of Object.values(value)) assertFrozen(member);
}

test('of a secret only that it changed is told', () => {
  const of = (directive: string): string =>
    describeChange({
      directive,
      vhost: undefined,
      id: undefined,
      kind: 'changed',
      from: 'old',
      to: 'new',
      reload: 'hook',
      origin: undefined,
    });
  assert.equal(of('http_api.auth.password'), 'http_api.auth.password: changed');
  assert.equal(of('http_api.auth.username'), "http_api.auth.username: 'old' -> 'new'");
});
