import { environmentVariables } from './environment.ts';
import type { EnvironmentVariable } from './environment.ts';
import { ROOT } from './schema/root.ts';
import type { Rows } from './schema/row.ts';

/** The Markdown of `docs/environment.md`: the table comes from the same list that the overlay reads variables by. */
export function renderEnvironmentPage(): string {
  const all = environmentVariables();
  const working = all.filter(({ path }) => !hasNoEffect(path));
  const later = all.filter(({ path }) => hasNoEffect(path));
  return [
    INTRODUCTION,
    '## Variables\n',
    TABLE_HEAD,
    ...working.map(renderRow),
    '\n## Accepted, but without effect yet\n',
    `${LATER}\n`,
    later.map(({ name }) => `\`${name}\``).join(', '),
    '',
  ].join('\n');
}

const TABLE_HEAD = '| Variable | Directive | Also |\n| --- | --- | --- |';

function renderRow({ name, aliases, path }: EnvironmentVariable): string {
  return `| \`${name}\` | \`${path.join('.')}\` | ${aliases.map((alias) => `\`${alias}\``).join(', ')} |`;
}

/** Whether a directive, or a block around it, does nothing here. */
function hasNoEffect(path: readonly string[]): boolean {
  let rows: Rows = ROOT;
  for (const name of path) {
    const row = rows[name];
    if (row?.feature !== undefined) return true;
    rows = row !== undefined && 'rows' in row ? row.rows : {};
  }
  return false;
}

const INTRODUCTION = `# Environment

Variables override the file, as in SRS 5 and later: \`SRS_\` and the names of blocks and directive in upper case, joined by
\`_\`. What each directive means is in [configuration.md](configuration.md).

\`\`\`sh
SRS_LISTEN="1935 [::1]:1936" SRS_HTTP_API_ENABLED=on SRS_VHOST_PLAY_GOP_CACHE=off srs -c conf/srs.conf
\`\`\`

- A variable takes the place of the directive, wherever the file has it; blocks that are not in the file are added.
- \`SRS_VHOST_…\` is meant for every vhost of the file; if there is none, for \`__defaultVhost__\`.
- A value is checked as in a file; a message names the variable as its place:
  \`environment SRS_LISTEN: listen: 'x' is not a port\`.
- Words of lists (addresses, URLs) are separated by blanks. Of a directive that may stand there several times, each one ends
  with \`;\`: \`SRS_VHOST_SECURITY_ALLOW="publish 10.0.0.0/8; play all"\`. Any other value is taken as it is: quotes are part of
  it, and \`$NAME\` is not replaced.
- An empty variable counts as not set.
- \`srs config show\` says which value comes from which variable.
- A reload reads the same variables again: those of a process do not change while it runs.
- \`ingest\`, \`transcode\`, \`stream_caster\` and their \`engine\` have no variables, as in SRS: there may be several of them, and a
  variable cannot say which one it means. They need a file.

A variable that begins with \`SRS_\` but names no directive gets a warning. Those that Kubernetes puts into every pod when a
service is called \`srs\` or \`srs-…\` are left alone (\`SRS_SERVICE_HOST\`, \`SRS_PORT=tcp://…\`, \`SRS_PORT_1935_TCP_ADDR\`, …), and
so are \`SRS_VERSION\`, \`SRS_HOME\`, \`SRS_IMAGE\` and other names that are usual in images and build scripts.

Traces are switched on by the variables that all programs with OpenTelemetry have (\`OTEL_EXPORTER_OTLP_ENDPOINT\`,
\`OTEL_TRACES_EXPORTER\`, \`OTEL_TRACES_SAMPLER\`, …). They are no directives: [metrics.md](metrics.md#traces) lists them.

## Without a file

\`srs -e\`, or \`SRS_ENV_ONLY=on\`, starts without any file. As in SRS the server stays in the foreground then and logs to the
console, and there is the vhost \`__defaultVhost__\`; RTMP listens on port 1935. Variables change each of it.

\`\`\`sh
SRS_LISTEN=19350 SRS_HTTP_SERVER_ENABLED=on SRS_VHOST_HTTP_REMUX_ENABLED=on srs -e
\`\`\`

| Variable | Meaning |
| --- | --- |
| \`SRS_CONFIG_FILE\` | The file. As in SRS it wins over \`-c\`, with a warning: so one can give a container another file whose command has \`-c\`. |
| \`SRS_ENV_ONLY\` | \`on\`: the same as \`-e\`, a file is not read even if one is named. |
`;

const LATER =
  'They are checked. One that asks for a feature which this server does not have yet gets a warning, as in a file.';
