import { describeError } from '../../base/errors.ts';
import {
  ConfigError,
  formatProblem,
  loadConfig,
  loadEnvironment,
  parseConfig,
  type LoadedConfig,
} from '../../config/index.ts';
import { checkCertificates } from './certificates-check.ts';
import { checkClock } from './clock-check.ts';
import { checkConfiguration } from './configuration-check.ts';
import { checkContainer } from './container-check.ts';
import { checkDisk } from './disk-check.ts';
import { checkFfmpeg } from './ffmpeg-check.ts';
import {
  CHECK_NAMES,
  type Check,
  type CheckName,
  type Context,
  type Finding,
  type RunningServer,
} from './finding.ts';
import { checkLimits } from './limits-check.ts';
import { machine } from './machine.ts';
import { checkNetwork } from './network-check.ts';
import { checkNode } from './node-check.ts';
import { checkPaths } from './paths-check.ts';
import { checkPorts } from './ports-check.ts';
import { countLevels, reportJson, reportText } from './report.ts';
import { checkRunningServer, findRunningServer } from './running-server.ts';
import type { Surroundings } from './surroundings.ts';

export interface DoctorOptions {
  /** Undefined = a configuration of the environment alone. */
  readonly configFile: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints one JSON object instead of text. */
  readonly json?: boolean;
}

/** Where the report goes. */
export interface DoctorIo {
  stdout(text: string): void;
  stderr(text: string): void;
}

export type Checks = Readonly<Record<CheckName, Check>>;

const CHECKS: Checks = {
  configuration: checkConfiguration,
  'running server': checkRunningServer,
  ports: checkPorts,
  limits: checkLimits,
  paths: checkPaths,
  'disk space': checkDisk,
  ffmpeg: checkFfmpeg,
  certificates: checkCertificates,
  clock: checkClock,
  network: checkNetwork,
  container: checkContainer,
  node: checkNode,
};

/** A check that takes longer is given up: a file system or a program hangs, ms. */
const CHECK_MS = 15_000;
/** What the other checks look at when the configuration cannot be used. */
const DEFAULTS = 'listen 1935;\nvhost __defaultVhost__ {\n}\n';

/**
 * `srs doctor`: looks at what usually goes wrong, prints what it finds and how to mend it, and changes nothing. Resolves with
 * the exit code: 0 without any error, else 1. Never rejects.
 */
export async function doctor(
  options: DoctorOptions,
  io: DoctorIo,
  around: Surroundings = machine(options.env),
  checks: Checks = CHECKS,
): Promise<number> {
  const context = createContext(options, around);
  const findings = (await Promise.all(CHECK_NAMES.map((name) => run(name, checks[name], context)))).flat();
  io.stdout(
    options.json === true
      ? reportJson(context.source, findings)
      : reportText(context.source, findings, around.colours),
  );
  return countLevels(findings).error === 0 ? 0 : 1;
}

function createContext(options: DoctorOptions, around: Surroundings): Context {
  const file = options.configFile;
  const { loaded, problems } = load(file, options.env);
  const { config } = loaded ?? parseConfig(DEFAULTS, 'the defaults');
  let running: Promise<RunningServer | undefined> | undefined;
  return {
    config,
    source: file ?? 'no file, the environment and the defaults',
    loaded,
    problems,
    around,
    running: () => (running ??= findRunningServer(config, around)),
  };
}

function load(
  file: string | undefined,
  env: DoctorOptions['env'],
): Readonly<{ loaded: LoadedConfig | undefined; problems: readonly string[] }> {
  try {
    return { loaded: file === undefined ? loadEnvironment(env) : loadConfig(file, { env }), problems: [] };
  } catch (error) {
    const problems =
      error instanceof ConfigError ? error.problems.map(formatProblem) : [describeError(error)];
    return { loaded: undefined, problems };
  }
}

async function run(name: CheckName, check: Check, context: Context): Promise<readonly Finding[]> {
  const done = new AbortController();
  const late = context.around.wait(CHECK_MS, done.signal).then((): readonly Finding[] => [
    {
      check: name,
      level: 'warning',
      what: `not finished within ${CHECK_MS / 1000} s: something that it looks at hangs`,
      mend: 'look at network file systems and at the load of the machine',
    },
  ]);
  try {
    return await Promise.race([check(context), late]);
  } catch (error) {
    return [{ check: name, level: 'warning', what: `could not be looked at: ${describeError(error)}` }];
  } finally {
    done.abort();
  }
}
