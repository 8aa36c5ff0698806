import assert from 'node:assert/strict';
import { test } from 'node:test';
import TypeBox from 'typebox';
import { Type } from '../../../src/base/json-type.ts';

/** The same schema of one builder or the other. */
const build = (make: typeof Type) =>
  make.Object(
    {
      name: make.String({ description: 'Its name.', minLength: 1 }),
      count: make.Integer({ minimum: 0 }),
      rate: make.Optional(make.Number({ description: 'kbit/s' })),
      on: make.Boolean(),
      kind: make.Union([make.Literal('a'), make.Literal('b', { description: 'b' }), make.Null()]),
      code: make.Literal(0),
      list: make.Array(make.Object({ id: make.Optional(make.String()) }), { maxItems: 3 }),
    },
    { additionalProperties: false, description: 'All of them.' },
  );

test('schemas are those that TypeBox makes', () => {
  const normal = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));
  const own = normal(build(Type)) as { properties: { list: { items: { required?: string[] } } } };
  // No field that must be there: TypeBox leaves the list out.
  assert.deepEqual(own.properties.list.items.required, []);
  delete own.properties.list.items.required;
  assert.deepEqual(own, normal(build(TypeBox as unknown as typeof Type)));
});
