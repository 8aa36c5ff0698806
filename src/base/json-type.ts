import type TypeBox from 'typebox';
import type { TProperties, TSchema } from 'typebox';

type Builder = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
>;

/** Marks a field that need not be there; it is no part of the JSON. */
const OPTIONAL = Symbol('optional');

/**
 * Makes JSON schemas (draft 2020-12), with TypeBox's types of what they describe. TypeBox itself would cost each server 15 MB and a
 * tenth of a second at its start, for objects as plain as these.
 */
export const Type = {
  Array: (items: TSchema, options?: object) => ({ type: 'array', items, ...options }),
  Boolean: (options?: object) => ({ type: 'boolean', ...options }),
  Integer: (options?: object) => ({ type: 'integer', ...options }),
  Literal: (value: string | number | boolean, options?: object) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Null: (options?: object) => ({ type: 'null', ...options }),
  Number: (options?: object) => ({ type: 'number', ...options }),
  Object: (properties: TProperties, options?: object) => ({
    type: 'object',
    required: Object.keys(properties).filter((name) => !(OPTIONAL in (properties[name] ?? {}))),
    properties,
    ...options,
  }),
  Optional: (schema: TSchema) => Object.defineProperty({ ...schema }, OPTIONAL, { value: true }),
  Record: (_key: TSchema, value: TSchema, options?: object) => ({
    type: 'object',
    additionalProperties: value,
    ...options,
  }),
  String: (options?: object) => ({ type: 'string', ...options }),
  Union: (anyOf: readonly TSchema[], options?: object) => ({ anyOf, ...options }),
} as unknown as Builder;
