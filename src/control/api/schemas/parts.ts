import type { TProperties, TSchema } from 'typebox';
import { Type } from '../../../base/json-type.ts';

export const text = (description: string, example?: string) =>
  Type.String({ description, ...(example === undefined ? {} : { examples: [example] }) });
export const whole = (description: string, example?: number) =>
  Type.Integer({ description, ...(example === undefined ? {} : { examples: [example] }) });
export const count = (description: string, example?: number) =>
  Type.Integer({ description, minimum: 0, ...(example === undefined ? {} : { examples: [example] }) });
export const number = (description: string) => Type.Number({ description });
export const flag = (description: string) => Type.Boolean({ description });
export const list = <Item extends TSchema>(items: Item, description: string) =>
  Type.Array(items, { description });

/** An object that has these fields and no others. */
export const exact = <Fields extends TProperties>(fields: Fields, description?: string) =>
  Type.Object(fields, { additionalProperties: false, ...(description === undefined ? {} : { description }) });

export const orNull = <Schema extends TSchema>(schema: Schema, description: string) =>
  Type.Union([schema, Type.Null()], { description });

/** Fields of one kind by a table of their descriptions. */
export function wholes<Name extends string>(
  descriptions: Readonly<Record<Name, string>>,
): Record<Name, ReturnType<typeof whole>> {
  return Object.fromEntries(
    Object.entries<string>(descriptions).map(([name, description]) => [name, whole(description)]),
  ) as Record<Name, ReturnType<typeof whole>>;
}

export function flags<Name extends string>(
  descriptions: Readonly<Record<Name, string>>,
): Record<Name, ReturnType<typeof flag>> {
  return Object.fromEntries(
    Object.entries<string>(descriptions).map(([name, description]) => [name, flag(description)]),
  ) as Record<Name, ReturnType<typeof flag>>;
}

/** What nearly every good body begins with. */
export const BASE = {
  code: Type.Literal(0, { description: 'Success.' }),
  server: text('Id of the server (server_id), or a new one at each start.', 'vid-0kr9v4d2a'),
  service: text('Id of this run of the server.', 'k3v90zq1x'),
  pid: text('Id of the process, as text.', '4711'),
};

/** A good body: what nearly every one has, and `fields`. */
export const good = <Fields extends TProperties>(fields: Fields, description?: string) =>
  exact({ ...BASE, ...fields }, description);

/** SRS's error body, and a text for people. */
export const FAILURE = exact(
  {
    code: whole('What went wrong: the number of SRS.', 2048),
    msg: text('What went wrong, for a person.', 'no stream with the id or name live/show'),
  },
  'Logical errors are HTTP 200 with a code that is not 0; ?strict=1 gives them a status of their own.',
);

export const TOTAL = count('How many there are, on all pages.', 1);
