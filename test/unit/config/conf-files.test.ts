import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatProblem, loadConfig } from '../../../src/config/index.ts';

const CONF = fileURLToPath(new URL('../../../conf/', import.meta.url));
/** Files with tests of their own: the reference that is made of the schema. */
const ELSEWHERE = ['full.conf'];
/** What a warning says when a feature is not there yet. */
const LATER = /does not have the feature yet/;
/** Files that only lack what no directive says: nothing warns. */
const NO_DIRECTIVE = ['hevc.ts.conf'];
const LATER_OR_OLD = new RegExp(`${LATER.source}|is an old (spelling|directive)`);
/** What a file's comment says then. */
const LATER_COMMENT = /^#.*accepted today(?: with a warning)?; the features? (is|are) not there yet/im;

interface Row {
  readonly name: string;
  readonly works: string;
}

/** The rows of the tables in conf/README.md. */
function tableRows(): Row[] {
  const text = readFileSync(`${CONF}README.md`, 'utf8');
  const rows = text.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\) +\|.*\| (\S+) +\|$/gm);
  return Array.from(rows, ([, name = '', link, works = '']) => {
    assert.equal(link, name);
    return { name, works };
  });
}

const rows = tableRows();
const files = readdirSync(CONF)
  .filter((name) => name.endsWith('.conf') && !ELSEWHERE.includes(name))
  .sort();

suite('conf/', () => {
  test('the page lists every file once', () => {
    assert.ok(files.length >= 50, `${files.length} files`);
    assert.deepEqual(rows.map(({ name }) => name).sort(), files);
  });

  for (const { name, works } of rows.filter((row) => row.works !== 'part')) {
    test(`${name} loads, and works: ${works}`, () => {
      const { config, warnings } = loadConfig(`${CONF}${name}`);
      const told = warnings.map(formatProblem);
      const text = readFileSync(`${CONF}${name}`, 'utf8');
      assert.match(text, /^# \S/, 'begins with what it is for');
      // SRS's default is a daemon with a log file: nobody who tries a sample wants that.
      assert.equal(config.daemon, false);
      if (name !== 'log-file.conf') assert.equal(config.srsLogTank, 'console');
      for (const line of told) assert.match(line, name === 'compatible.conf' ? LATER_OR_OLD : LATER);
      switch (works) {
        case 'yes':
          assert.deepEqual(told, []);
          assert.doesNotMatch(text, LATER_COMMENT);
          break;
        case 'later':
          if (!NO_DIRECTIVE.includes(name))
            assert.notDeepEqual(told, [], 'everything in it works: say so in the table and in its comment');
          assert.match(text, LATER_COMMENT);
          break;
        default:
          assert.fail(`works: ${works}`);
      }
    });
  }

  test('a part is included by another file', () => {
    const parts = rows.filter(({ works }) => works === 'part').map(({ name }) => name);
    const texts = files.map((name) => readFileSync(`${CONF}${name}`, 'utf8'));
    for (const name of parts)
      assert.ok(
        texts.some((text) => text.includes(`include ./conf/${name};`)),
        name,
      );
    assert.deepEqual(parts, ['include.vhost.conf']);
  });

  test('servers that are meant to run beside each other have ports and pid files of their own', () => {
    const groups = [
      ['origin.cluster.serverA.conf', 'origin.cluster.serverB.conf', 'origin.cluster.serverC.conf'],
      ['forward.master.conf', 'forward.slave.conf'],
      ['http.flv.live.conf', 'http.flv.live.edge1.conf', 'http.flv.live.edge2.conf'],
      ['origin.conf', 'edge.conf', 'edge2.conf'],
      ['demo.conf', 'demo.19350.conf'],
    ];
    for (const group of groups) {
      const configs = group.map((name) => loadConfig(`${CONF}${name}`).config);
      const ports = configs.flatMap((config) => [
        ...config.listen.map(({ port }) => port),
        ...(config.httpServer.enabled ? [config.httpServer.listen.port] : []),
        ...(config.httpApi.enabled ? [config.httpApi.listen.port] : []),
      ]);
      assert.equal(new Set(ports).size, ports.length, `${group.join(', ')}: ${ports.join(' ')}`);
      assert.equal(new Set(configs.map(({ pid }) => pid)).size, group.length, group.join(', '));
    }
  });
});
