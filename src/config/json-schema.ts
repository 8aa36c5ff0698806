import { CHOICES } from './forms.ts';
import type { ListRow, Row, Rows } from './schema/row.ts';
import { ROOT } from './schema/root.ts';
import { formatBytes, MAX_DURATION_MS } from './units.ts';
import { defaultOption, jsonValue } from './write-value.ts';
import type { ValueRow } from './write-value.ts';

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema (draft 2020-12) of the JSON form of a configuration, as `srs config show --json` prints it: members are called
 * as the directives, numbers are in the directive's unit. What has no effect here is not in it.
 */
export function configSchema(rows: Rows = ROOT): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of the live-streaming server',
    description:
      'The JSON form of a configuration: what `srs config show --json` prints. Directive files have a format of their own.',
    ...objectOf(rows, {
      $schema: { type: 'string', description: 'Where this schema is, for editors.' },
      $sources: {
        type: 'object',
        description:
          'Where values come from, by their path: `conf/a.conf:12`, `environment SRS_LISTEN`. Others are defaults.',
        additionalProperties: { type: 'string' },
      },
    }),
  };
}

function objectOf(rows: Rows, first: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const properties: Record<string, JsonSchema> = { ...first };
  for (const [name, row] of Object.entries(rows)) {
    if (row.feature === undefined && row.type !== 'free') properties[name] = schemaOf(row);
  }
  return { type: 'object', properties, additionalProperties: false };
}

function schemaOf(row: Row): JsonSchema {
  if (row.type === 'block') return { description: row.doc, ...objectOf(row.rows, {}) };
  if (row.type === 'blocks') {
    const { option, required } = row.argument;
    const argument = { type: 'string', description: `The ${option} behind the directive.` };
    const items = {
      ...objectOf(row.rows, { [option]: argument }),
      ...(required ? { required: [option] } : {}),
    };
    return { description: row.doc, type: 'array', items };
  }
  if (row.type === 'free') return { description: row.doc };
  return { description: describe(row), ...valueSchema(row), ...defaultOf(row) };
}

function describe(row: ValueRow): string {
  const notes: string[] = [row.doc];
  if (row.type === 'duration') notes.push(`In ${row.unit === 'ms' ? 'milliseconds' : 'seconds'}.`);
  if (row.type === 'bytes') notes.push('In bytes.');
  if (row.type === 'bytes' && row.default === 'inherited') notes.push('Default: the global value.');
  if (row.type === 'bytes' && row.sane !== undefined)
    notes.push(`Usual: ${formatBytes(row.sane[0])} to ${formatBytes(row.sane[1])}.`);
  notes.push(RELOAD[row.reload]);
  return notes.join(' ');
}

const RELOAD = {
  live: 'A reload changes it.',
  hook: 'A reload changes it.',
  restart: 'A change needs a restart.',
} as const;

const LISTEN = {
  type: 'string',
  pattern: '^(?:(?:\\[[0-9A-Fa-f:.%]+\\]|[\\w.-]+):)?\\d{1,5}$',
  examples: ['1935', '127.0.0.1:1935', '[::1]:1935'],
} as const;

function valueSchema(row: ValueRow): JsonSchema {
  switch (row.type) {
    case 'flag':
      return { type: 'boolean' };
    case 'int':
      return { type: 'integer', ...range(row.min ?? 0, row.max) };
    case 'bytes':
      return { type: 'integer', ...range(row.min ?? 0, row.max) };
    case 'float':
      return { type: 'number', ...range(row.min ?? 0, row.max) };
    case 'duration': {
      const whole = row.unit === 'ms' && row.fraction !== true;
      const [min, max] = [row.min ?? 0, row.max ?? MAX_DURATION_MS].map((ms) => Number(jsonValue(row, ms)));
      return { type: whole ? 'integer' : 'number', ...range(min ?? 0, max) };
    }
    case 'enum':
      return { enum: row.default === '' ? ['', ...row.values] : row.values };
    case 'text':
      return {
        type: 'string',
        ...(row.notEmpty === true ? { minLength: 1 } : {}),
        ...(row.form === 'http-url' ? { pattern: HTTP_URL } : {}),
        ...(row.secret === true ? { writeOnly: true } : {}),
      };
    case 'list':
      return {
        type: 'array',
        items: itemsOf(row),
      };
    case 'lists':
      return { type: 'array', items: { type: 'array', items: { type: 'string' } } };
    case 'listen':
      return LISTEN;
    case 'listens':
      return { type: 'array', items: LISTEN, minItems: 1 };
    default:
      return row satisfies never;
  }
}

function itemsOf({ form }: ListRow): JsonSchema {
  const words = form === undefined ? undefined : CHOICES[form];
  if (words !== undefined) return { enum: words };
  return { type: 'string', ...(form === 'http-url' ? { pattern: HTTP_URL } : {}) };
}

/** An empty text is no URL at all. */
const HTTP_URL = '^(?:$|[Hh][Tt][Tt][Pp][Ss]?://)';

function range(minimum: number, maximum: number | undefined): JsonSchema {
  return maximum === undefined ? { minimum } : { minimum, maximum };
}

function defaultOf(row: ValueRow): JsonSchema {
  const option = defaultOption(row, undefined);
  return option === undefined ? {} : { default: jsonValue(row, option) };
}
