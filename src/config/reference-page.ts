import type { Row, Rows } from './schema/row.ts';
import { ROOT } from './schema/root.ts';
import { formatBytes, formatDuration } from './units.ts';
import { rangeText } from './values.ts';

/** The Markdown of `docs/configuration.md`: the tables come from the schema, so the page cannot be wrong about a directive. */
export function renderReference(rows: Rows = ROOT): string {
  const parts = [INTRODUCTION];
  const planned: string[] = [];
  renderBlock(rows, [], parts, planned);
  parts.push(`## Accepted, but without effect yet\n\n${PLANNED}\n\n${planned.join('\n')}\n`);
  return parts.join('\n');
}

function renderBlock(rows: Rows, path: readonly string[], parts: string[], planned: string[]): void {
  const title = path.length === 0 ? 'Global directives' : `\`${path.join(' > ')}\``;
  const lines: string[] = [];
  const later: string[] = [];
  const inner: [string, Row & { readonly rows: Rows }][] = [];
  for (const [name, row] of Object.entries(rows)) {
    if (row.feature === 'planned')
      later.push(name + ('rows' in row ? ` { ${Object.keys(row.rows).join(' ')} }` : ''));
    else {
      lines.push(renderRow(name, row));
      if ('rows' in row)
        inner.push([name + ('argument' in row ? ` ${row.argument.option.toUpperCase()}` : ''), row]);
    }
  }
  parts.push(`## ${title}\n\n${TABLE_HEAD}\n${lines.join('\n')}\n`);
  const where = path.length === 0 ? 'global' : path.join(' > ');
  if (later.length > 0) planned.push(`- ${where}: ${later.map((text) => `\`${text}\``).join(', ')}`);
  for (const [name, row] of inner) renderBlock(row.rows, [...path, name], parts, planned);
}

const TABLE_HEAD = '| Directive | Value | Default | Meaning |\n| --- | --- | --- | --- |';

function renderRow(name: string, row: Row): string {
  return `| \`${name}\` | ${typeText(row)} | ${defaultText(row)} | ${row.doc} |`;
}

function typeText(row: Row): string {
  switch (row.type) {
    case 'flag':
      return '`on` or `off`';
    case 'int':
      return `whole number${rangeText(row, String)}`;
    case 'float':
      return `number${rangeText(row, String)}`;
    case 'duration':
      return `time in ${row.unit}${rangeText(row, formatDuration)}`;
    case 'bytes':
      if (row.sane !== undefined) return `bytes, ${row.sane[0]} to ${row.sane[1]} (outside: a warning)`;
      return `bytes${rangeText(row, formatBytes)}`;
    case 'enum':
      return row.values.map((value) => `\`${value}\``).join(', ');
    case 'text':
      return 'text';
    case 'list':
      return 'texts';
    case 'lists':
      return 'texts, repeatable';
    case 'listen':
      return 'address';
    case 'listens':
      return 'addresses';
    case 'block':
    case 'free':
      return 'block';
    case 'blocks':
      return 'block, repeatable';
    default:
      return row satisfies never;
  }
}

/** The default as one would write it in a file. */
function defaultText(row: Row): string {
  switch (row.type) {
    case 'flag':
      return row.default ? '`on`' : '`off`';
    case 'int':
    case 'float':
    case 'listen':
      return `\`${row.default}\``;
    case 'duration':
      return `\`${row.unit === 's' ? row.default / 1000 : row.default}\``;
    case 'bytes':
      return row.default === 'inherited' ? 'the global value' : `\`${formatBytes(row.default)}\``;
    case 'enum':
    case 'text':
      return row.default === '' ? '-' : `\`${row.default}\``;
    case 'list':
      return row.default.length === 0 ? '-' : `\`${row.default.join(' ')}\``;
    case 'listens':
      return 'required';
    case 'lists':
    case 'block':
    case 'blocks':
    case 'free':
      return '-';
    default:
      return row satisfies never;
  }
}

const INTRODUCTION = `# Configuration

The server reads the files of SRS 3. \`srs -t -c FILE\` checks one and lists everything that is wrong with it; ready-made
ones are in \`conf/\`.

\`\`\`nginx
listen 1935 [::1]:1936;          # Several addresses, IPv4 and IPv6.
http_server {
    enabled on;
    listen 127.0.0.1:8080;
}
vhost __defaultVhost__ {
    play { queue_length 10s; }   # The same as: queue_length 10;
}
\`\`\`

## The language

- A directive is \`name value … ;\` or \`name value … { directives }\`. Space, tab and line end separate words.
- \`#\` starts a comment where a word may start, up to the end of the line. Inside a word it is an ordinary character.
- \`"…"\` and \`'…'\` make one word of a text with blanks. There are no escape sequences; after the closing quote comes a
  blank, \`;\` or \`{\`. An empty quoted word is dropped.
- A directive that is written twice in a block counts once: the first one, and the others get a warning. Repeatable
  blocks (\`vhost\`, \`ingest\`, \`engine\`) all count.
- A directive with default \`on\` is off only by the word \`off\`; one with default \`off\` is on only by the word \`on\`. Any
  other word gets a warning.
- An unknown directive or a value that is not possible is an error. All errors of a file are shown at once, as
  \`file:line:column: directive: what is wrong; what was expected; did you mean …?\`, and the exit code is 1.

| Value | How to write it |
| --- | --- |
| time | a number in the unit of the directive (\`ms\` or \`s\`), or with a unit of its own: \`500ms\`, \`10s\`, \`1.5m\`, \`2h\`, \`1d\`; at most 24 days |
| bytes | a number, or with a unit (powers of 1024): \`64K\`, \`50M\`, \`1G\` |
| address | \`1935\` (every address of the machine), \`127.0.0.1:1935\`, \`[::1]:1935\`, \`name:1935\`; ports from 1 to 65535 |

| Limit | Value |
| --- | --- |
| size of a file | 4 MiB |
| blocks inside each other | 16 |
| words of one directive | 1024 |
| problems shown | 200 |

The file is read when the server starts; a change takes effect at the next start.

## Which vhost serves a client

The block \`vhost NAME\` of the name that the client asks for; if there is none, \`vhost __defaultVhost__\`. If that is not
there either, or the block says \`enabled off\`, the client is refused.

## The built-in page

With \`http_server { enabled on; }\` the server shows its own page with the live streams at \`/\`, unless \`dir\` has an
\`index.html\`: then that one is served. \`http_server { page off; }\` turns the page off.
`;

const PLANNED = `These directives of SRS are known, so that a file of SRS can be used as it is. Their values are checked. One that asks
for a feature which this server does not have yet gets one warning; what is switched off gets none.`;
