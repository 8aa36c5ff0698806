import assert from 'node:assert/strict';

/** What a JSON value must be: a word for a plain value, a list for an array of one shape, an object for exactly these fields. */
export type Shape = Word | readonly [Shape] | { readonly [field: string]: Shape };

type Word = 'int' | 'float' | 'float?' | 'string' | 'text' | 'bool' | 'vid' | 'str';

const WORDS: Readonly<Record<Word, (value: unknown) => boolean>> = {
  int: (value) => Number.isInteger(value),
  float: (value) => typeof value === 'number',
  /** Null where it is not known. */
  'float?': (value) => value === null || typeof value === 'number',
  string: (value) => typeof value === 'string',
  // Not empty.
  text: (value) => typeof value === 'string' && value !== '',
  bool: (value) => typeof value === 'boolean',
  vid: (value) => typeof value === 'string' && /^vid-[\da-f]{10}$/.test(value),
  str: (value) => typeof value === 'string' && /^str-[\da-f]{10}$/.test(value),
};

/** Field by field: nothing is missing, nothing is there that the shape has not, each is of its type. */
export function assertShape(value: unknown, shape: Shape, path = 'body'): void {
  if (typeof shape === 'string') {
    assert.ok(WORDS[shape](value), `${path} is no ${shape}: ${JSON.stringify(value)}`);
    return;
  }
  if (isList(shape)) {
    assert.ok(Array.isArray(value), `${path} is no array`);
    value.forEach((item, index) => assertShape(item, shape[0], `${path}[${index}]`));
    return;
  }
  assert.ok(typeof value === 'object' && value !== null, `${path} is no object`);
  assert.deepEqual(Object.keys(value).sort(), Object.keys(shape).sort(), `fields of ${path}`);
  for (const [field, inner] of Object.entries(shape))
    assertShape((value as Record<string, unknown>)[field], inner, `${path}.${field}`);
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
