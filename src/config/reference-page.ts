import { OLD_SPELLINGS } from './legacy.ts';
import type { MissingFeature } from './problem.ts';
import type { Row, Rows } from './schema/row.ts';
import { ROOT } from './schema/root.ts';
import { formatBytes, formatDuration } from './units.ts';
import { rangeText } from './values.ts';

/** The Markdown of `docs/configuration.md`: the tables come from the schema, so the page cannot be wrong about a directive. */
export function renderReference(rows: Rows = ROOT): string {
  const parts = [INTRODUCTION, renderOldSpellings()];
  renderBlock(rows, [], undefined, parts);
  return parts.join('\n');
}

function renderOldSpellings(): string {
  const lines = OLD_SPELLINGS.map(
    ({ old, now }) => `| \`${old}\` | ${now === undefined ? 'dropped: it is always on' : `\`${now}\``} |`,
  );
  return `## Old spellings\n\n| Old | Now |\n| --- | --- |\n${lines.join('\n')}\n\n${OLD_SPELLINGS_NOTE}\n`;
}

function renderBlock(
  rows: Rows,
  path: readonly string[],
  feature: MissingFeature | undefined,
  parts: string[],
): void {
  const title = path.length === 0 ? 'Global directives' : `\`${path.join(' > ')}\``;
  const note = feature === undefined ? '' : `${BLOCK_NOTES[feature]}\n\n`;
  // Told once for a whole block; inside it only what differs is told.
  const lines = Object.entries(rows).map(([name, row]) =>
    renderRow(name, row, row.feature ?? feature, feature),
  );
  parts.push(`## ${title}\n\n${note}${TABLE_HEAD}\n${lines.join('\n')}\n`);
  for (const [name, row] of Object.entries(rows)) {
    if (!('rows' in row)) continue;
    const argument = 'argument' in row ? ` ${row.argument.option.toUpperCase()}` : '';
    renderBlock(row.rows, [...path, name + argument], row.feature ?? feature, parts);
  }
}

const TABLE_HEAD = '| Directive | Value | Default | Change | Meaning |\n| --- | --- | --- | --- | --- |';

const BLOCK_NOTES: Readonly<Record<MissingFeature, string>> = {
  planned: 'This server does not have the feature yet: what is written here is checked and has no effect.',
  none: 'This makes sense inside the program SRS only: it is checked and has no effect.',
};

const ROW_NOTES: Readonly<Record<MissingFeature, string>> = {
  planned: '*No effect yet.* ',
  none: '*Does not apply.* ',
};

function renderRow(
  name: string,
  row: Row,
  feature: MissingFeature | undefined,
  told: MissingFeature | undefined,
): string {
  const change = feature !== undefined ? '-' : row.reload === 'restart' ? 'restart' : 'reload';
  const note = feature === undefined || feature === told ? '' : ROW_NOTES[feature];
  return `| \`${name}\` | ${typeText(row)} | ${defaultText(row)} | ${change} | ${note}${row.doc} |`;
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
      return row.default === undefined ? 'required' : `\`${row.default}\``;
    case 'lists':
    case 'block':
    case 'blocks':
    case 'free':
      return '-';
    default:
      return row satisfies never;
  }
}

const OLD_SPELLINGS_NOTE = `An old \`refer\` or \`forward\` also means \`enabled on\`. \`rtmp { listen …; chunk_size …; }\`, as SRS 7 has it, is the same as
both directives outside of any block.`;

const INTRODUCTION = `# Configuration

The server reads the files of SRS 3 and those of later versions. \`srs -t -c FILE\` checks one and lists everything that is
wrong with it; ready-made ones are in \`conf/\`.

Variables such as \`SRS_LISTEN\` override the file: [environment.md](environment.md). All directives with their defaults are in
\`conf/full.conf\`, and the command line is described in [cli.md](cli.md).

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
- \`include FILE …;\` stands for the directives of other files, in any block. A relative path starts from the folder of the
  file that it is written in; what is not there is looked for in the working directory. \`*\` in the last part stands for any
  text: \`include vhosts/*.conf;\` includes the files in the order of their names, and none is fine too. What is wrong in an
  included file is told with its own line and with the lines that included it.
- The spellings of SRS 1 and 2 in the table *Old spellings* are still read; each gets a warning that shows the new one. Where
  both are written, the new one counts.

| Value | How to write it |
| --- | --- |
| time | a number in the unit of the directive (\`ms\` or \`s\`), or with a unit of its own: \`500ms\`, \`10s\`, \`1.5m\`, \`2h\`, \`1d\`; at most 24 days |
| bytes | a number, or with a unit (powers of 1024): \`64K\`, \`50M\`, \`1G\` |
| address | \`1935\` (every address of the machine), \`127.0.0.1:1935\`, \`[::1]:1935\`, \`name:1935\`; ports from 1 to 65535; an address that another one of the list includes is left out, with a warning |

| Limit | Value |
| --- | --- |
| size of a file, with all that it includes | 4 MiB |
| files that it asks for by \`include\` | 256, up to 8 inside each other |
| blocks inside each other | 16 |
| words of one directive | 1024 |
| problems shown | 200 |

What the tables say under *Change*: \`reload\` means that a changed value takes effect when the server reads its configuration
again ([reload.md](reload.md) says what it does then), \`restart\` that it needs a new start.

## Directives without effect

All directives of SRS 3 to 7 are known, so that a file of SRS can be used as it is, and their values are checked. One that
asks for a feature which this server does not have yet gets one warning, and so does one that makes sense inside the program
SRS only; what is switched off gets none. The tables say which they are.

## Which vhost serves a client

The block \`vhost NAME\` of the name that the client asks for; if there is none, \`vhost __defaultVhost__\`. If that is not
there either, or the block says \`enabled off\`, the client is refused.

## The built-in page

With \`http_server { enabled on; }\` the server shows its own page with the live streams at \`/\`, unless \`dir\` has an
\`index.html\`: then that one is served. \`http_server { page off; }\` turns the page off.
`;
