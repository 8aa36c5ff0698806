import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { API_TAGS } from '../../src/control/api/route-docs.ts';
import { startTestApi, type TestApi } from '../support/api.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description: string;
    readonly schema: Schema;
  }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Record<string, { readonly schema: Schema }> }
    >
  >;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly securitySchemes: Record<string, unknown> };
}

/** Each route that a client may call, as it is registered; what is not here answers wrong methods, redirects or pages. */
const OPERATIONS = [
  'get /api/',
  'get /api/v1/',
  ...[
    'versions',
    'features',
    'authors',
    'health',
    'health/live',
    'health/ready',
    'raw',
    'clusters',
    'events',
  ].map((name) => `get /api/v1/${name}`),
  ...['summaries', 'rusages', 'self_proc_stats', 'system_proc_stats', 'meminfos'].map(
    (name) => `get /api/v1/${name}`,
  ),
  ...['requests', 'errors', 'redirects'].map((name) => `get /api/v1/tests/${name}`),
  ...['vhosts', 'streams', 'clients', 'bans'].flatMap((name) => [
    `get /api/v1/${name}/`,
    `get /api/v1/${name}/{id}`,
  ]),
  ...['streams', 'clients', 'bans'].map((name) => `delete /api/v1/${name}/{id}`),
  'post /api/v1/bans/',
  'get /metrics',
];

suite('the OpenAPI document', () => {
  let api: TestApi;
  let document: Document;
  const operations: (readonly [name: string, operation: Operation])[] = [];

  before(async () => {
    api = await startTestApi();
    const response = await fetch(`${api.origin}/api/v1/openapi.json`);
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    document = (await response.json()) as Document;
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods))
        operations.push([`${method} ${path}`, operation]);
  });

  after(() => api.close());

  test('it is of version 3.1 and has every route', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document.info.title, 'srs-ts');
    assert.equal(document.info.version, '4.5.6-beta.1');
    assert.deepEqual(operations.map(([name]) => name).toSorted(), OPERATIONS.toSorted());
  });

  test('what the index names is in it', async () => {
    const { urls } = (await (await fetch(`${api.origin}/api/v1/`)).json()) as {
      urls: Record<string, string>;
    };
    for (const name of Object.keys(urls)) {
      if (name === 'openapi' || name === 'requests') continue;
      const path = `/api/v1/${name}`;
      assert.ok(path in document.paths || `${path}/` in document.paths, name);
    }
  });

  test('each operation has words, known tags, answers, and parameters for its path', () => {
    const tags = document.tags.map(({ name }) => name);
    assert.deepEqual(tags, Object.keys(API_TAGS));
    for (const [name, { summary, tags: own, parameters = [], responses }] of operations) {
      assert.ok(summary.length > 3, name);
      assert.deepEqual([own.length, tags.includes(own[0] ?? '')], [1, true], name);
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, found]) => found);
      assert.deepEqual(
        parameters.filter((each) => each.in === 'path').map((each) => [each.name, each.required]),
        inPath.map((found) => [found, true]),
        name,
      );
      for (const each of parameters)
        assert.ok(each.description !== '' && each.schema.type === 'string', name);
      assert.ok(responses['200'] !== undefined, name);
      for (const answer of Object.values(responses)) assert.ok(answer.description !== '', name);
    }
  });

  test('every field of every answer is described', () => {
    let fields = 0;
    const look = (schema: Schema, place: string): void => {
      for (const [field, inner] of Object.entries(schema.properties ?? {})) {
        fields += 1;
        const named =
          field === 'data' ||
          field === 'type' ||
          field === 'http_api' ||
          field === 'raw_api' ||
          field === 'query';
        const isConstant = inner.enum !== undefined || inner.const !== undefined;
        const isWhole = inner.properties !== undefined;
        assert.ok(named || isConstant || isWhole || (inner.description ?? '') !== '', `${place}.${field}`);
        look(inner, `${place}.${field}`);
      }
      if (schema.items !== undefined) look(schema.items, `${place}[]`);
      for (const each of schema.anyOf ?? []) look(each, place);
    };
    for (const [name, { responses }] of operations)
      for (const { content = {} } of Object.values(responses))
        for (const { schema } of Object.values(content)) look(schema, name);
    assert.ok(fields > 300, String(fields));
  });

  test('it says who may call what', () => {
    assert.deepEqual(Object.keys(document.components.securitySchemes).sort(), ['basic', 'bearer']);
    const roles = Object.fromEntries(
      operations.map(([name, { security }]) => [name, security.flatMap(({ bearer = [] }) => bearer).join()]),
    );
    assert.equal(roles['get /api/v1/health'], '');
    assert.equal(roles['get /api/v1/streams/'], 'read');
    assert.equal(roles['delete /api/v1/clients/{id}'], 'operate');
    assert.equal(roles['post /api/v1/bans/'], 'operate');
    for (const [name, { security, responses }] of operations)
      assert.equal('401' in responses && '403' in responses, security.length > 0, name);
  });

  test('events are told with their own type and all their shapes', () => {
    const answer = document.paths['/api/v1/events']?.['get']?.responses['200'];
    const schema = answer?.content?.['text/event-stream']?.schema;
    assert.equal(schema?.anyOf?.length, 15);
  });

  test('the page reads it, may do nothing else, and asks nobody else', async () => {
    for (const path of ['/api/v1/docs', '/api/v1/docs/']) {
      const response = await fetch(`${api.origin}${path}`);
      const policy = response.headers.get('content-security-policy') ?? '';
      assert.match(
        policy,
        /default-src 'none'.*script-src 'self'.*connect-src 'self'.*frame-ancestors 'none'/,
      );
      assert.doesNotMatch(policy, /https?:|unsafe-eval|script-src [^;]*unsafe/);
      const page = await response.text();
      assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
    }
  });
});

test('strict mode gives statuses to what is no success, and the same bodies', async (context) => {
  const api = await startTestApi();
  context.after(() => api.close());
  for (const [path, method, status, code] of [
    ['streams/live/nothing', 'GET', 404, 2048],
    ['clients/nobody', 'DELETE', 404, 2049],
    ['vhosts/none', 'GET', 404, 2014],
    ['raw?rpc=update', 'GET', 403, 1061],
    ['raw?rpc=x', 'GET', 400, 1060],
    ['tests/errors', 'GET', 400, 100],
    ['streams/', 'GET', 200, 0],
    ['versions', 'GET', 200, 0],
  ] as const) {
    const url = `${api.origin}/api/v1/${path}`;
    const plain = await fetch(url, { method });
    const body = (await plain.json()) as { code: number };
    assert.deepEqual([plain.status, body.code], [200, code], path);
    const strict = await fetch(`${url}${path.includes('?') ? '&' : '?'}strict=1`, { method });
    const preferred = await fetch(url, { method, headers: { prefer: 'handling=strict' } });
    for (const response of [strict, preferred]) {
      assert.equal(response.status, status, path);
      assert.deepEqual(await response.json(), body);
    }
  }
});
