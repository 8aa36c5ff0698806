import { parseArgs } from 'node:util';

/** What the command line asked for. */
export interface BenchOptions {
  readonly scenarios: readonly string[];
  readonly servers: readonly string[];
  readonly quick: boolean;
  readonly runs: number;
  /** File for the results as JSON. */
  readonly json: string | undefined;
  readonly profile: boolean;
  readonly writeDocs: boolean;
  /** Also loads that are more than a peer can take. */
  readonly overload: boolean;
  /** Raise the priority of the servers and of the load. */
  readonly priority: boolean;
  /** Results of earlier runs, shown instead of measuring. */
  readonly from: readonly string[];
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [options]
  --scenarios a,b   only these (a name or its beginning, e.g. rtmp-players or rtmp-players-1000)
  --servers a,b     only these: srs, srs-350, nginx-rtmp, node-media-server
  --quick           windows of 4 s, one run, memory 10 s after leaving
  --runs N          windows per server and scenario (3; with --quick 1)
  --json FILE       write the results as JSON (default: bench/results/latest.json)
  --profile         write a CPU profile of this server's steady state to bench/results/
  --overload        also loads that are more than a peer can take
  --priority        raise the priority of servers and load (root), for a machine that others use too
  --from A,B        show the results in these JSON files instead of measuring
  --write-docs      put the tables into docs/performance.md
`;

const MAX_RUNS = 100;

/** Reads the arguments after the program's name; throws with a message for people. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenarios: { type: 'string', multiple: true },
      servers: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
      overload: { type: 'boolean', default: false },
      priority: { type: 'boolean', default: false },
      from: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const runs = values.runs === undefined ? (values.quick ? 1 : 3) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > MAX_RUNS) {
    throw new Error(`--runs wants a number from 1 to ${MAX_RUNS}, not ${values.runs ?? ''}`);
  }
  return {
    scenarios: list(values.scenarios),
    servers: list(values.servers),
    quick: values.quick,
    runs,
    json: values.json,
    profile: values.profile,
    writeDocs: values['write-docs'],
    overload: values.overload,
    priority: values.priority,
    from: list(values.from),
    help: values.help,
  };
}

function list(values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => value.split(',')).filter((value) => value !== '');
}
