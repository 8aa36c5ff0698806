import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig, loadEnvironment, parseConfig } from '../../../src/config/index.ts';
import { configSchema } from '../../../src/config/json-schema.ts';
import { configToJson } from '../../../src/config/show.ts';

interface Validate {
  (data: unknown): boolean;
  readonly errors?: unknown;
}
type Ajv2020 = new (options: object) => { compile(schema: object): Validate };

/** The validator that fastify brings along: nothing else here needs one. */
function validator(): Validate {
  const fastify = createRequire(import.meta.resolve('fastify'));
  const compiler = createRequire(fastify.resolve('@fastify/ajv-compiler'));
  const { Ajv2020: Ajv } = compiler('ajv/dist/2020') as { readonly Ajv2020: Ajv2020 };
  return new Ajv({ strict: true, allErrors: true }).compile(configSchema());
}

const validate = validator();

function assertValid(data: unknown): void {
  assert.ok(validate(data), JSON.stringify(validate.errors));
}

/** Not the files that others include. */
const isWhole = (file: string): boolean => file.endsWith('.conf') && !/^include\.[^.]+\.conf$/.test(file);
const CONF = fileURLToPath(new URL('../../../conf/', import.meta.url));

suite('config show --json is what the schema describes', () => {
  for (const name of readdirSync(CONF).filter(isWhole)) {
    test(name, () => {
      const loaded = loadConfig(`${CONF}${name}`);
      assertValid(configToJson(loaded));
      assertValid(configToJson(loaded, { changed: true }));
    });
  }

  test('without a file', () => {
    assertValid(configToJson(loadEnvironment({ SRS_LISTEN: '127.0.0.1:1 [::1]:2' })));
  });

  test('with unusual values', () => {
    const text = `listen name-1:1; vhost "a b" { ingest {} play { queue_length 1ms; queue_max_size 1G; } }`;
    assertValid(configToJson(parseConfig(text, 'x')));
  });
});

/** Changes that make a right document a wrong one. */
const WRONG: Readonly<Record<string, object>> = {
  'an unknown directive': { max_conections: 1 },
  'a text for a number': { max_connections: '1000' },
  'a number out of its range': { max_connections: 0 },
  'half a millisecond': { rtmp_handshake_timeout: 0.5 },
  'a word for a flag': { daemon: 'on' },
  'an unknown word': { srs_log_level: 'loud' },
  'no address': { listen: [] },
  'not an address': { listen: ['x:y'] },
  'a vhost without a name': { vhost: [{ enabled: true }] },
  'an unknown directive in a vhost': { vhost: [{ name: 'a', gop: true }] },
  'an empty path': { work_dir: '' },
  'a feature that is not there': { srt_server: { enabled: true } },
};

for (const [name, change] of Object.entries(WRONG)) {
  test(`the schema refuses ${name}`, () => {
    const right = configToJson(parseConfig('listen 1935;', 'x'));
    assertValid(right);
    assert.equal(validate({ ...right, ...change }), false);
  });
}

test('defaults, units and sentences are in the schema', () => {
  const { properties } = configSchema() as { properties: Record<string, Record<string, unknown>> };
  assert.deepEqual(properties['max_connections'], {
    description: 'Connections beyond this number are closed at once. A reload changes it.',
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    default: 1000,
  });
  assert.deepEqual(properties['pithy_print_ms'], {
    description: 'How often a session writes its line into the log. In milliseconds. A reload changes it.',
    type: 'integer',
    minimum: 1,
    maximum: 2_073_600_000,
    default: 10_000,
  });
  assert.deepEqual(properties['srs_log_level_v2']?.['enum'], ['', 'trace', 'debug', 'info', 'warn', 'error']);
});
