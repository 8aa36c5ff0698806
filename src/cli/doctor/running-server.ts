import path from 'node:path';
import type { Config, ListenAddress } from '../../config/index.ts';
import { findingsOf, type Check, type RunningServer } from './finding.ts';
import type { Surroundings } from './surroundings.ts';

const say = findingsOf('running server');

/** Asks the API of the configuration, then looks at its pid file. */
export async function findRunningServer(
  config: Config,
  around: Surroundings,
): Promise<RunningServer | undefined> {
  const [answer, holder] = await Promise.all([askApi(config, around), pidFileHolder(config, around)]);
  if (answer === undefined && holder?.alive !== true) return undefined;
  return {
    pid: holder?.alive === true ? holder.pid : answer?.pid,
    answers: answer !== undefined,
    version: answer?.version,
  };
}

/** Whether one runs, and whether it answers. */
export const checkRunningServer: Check = async ({ config, around, running }) => {
  const server = await running();
  if (server === undefined) {
    const file = pidFile(config, around);
    const text = file === undefined ? undefined : (await around.read(file))?.trim();
    if (file !== undefined && text !== undefined && text !== '' && !/^\d{1,10}$/.test(text))
      return [
        say.error(
          `none; the pid file ${file} holds no process id: the server does not touch such a file and will not start`,
          'name another file in pid, or remove that one if nobody needs it',
        ),
      ];
    const left = await pidFileHolder(config, around);
    if (left === undefined) return [say.ok('none')];
    return [
      say.note(`none; the pid file names process ${left.pid}, which is gone: the next start takes it over`),
    ];
  }
  const who = server.pid === undefined ? 'a server' : `process ${server.pid}`;
  if (server.version !== undefined)
    return [say.ok(`${who} runs with this configuration, version ${server.version}`)];
  if (server.answers) return [say.ok(`${who} runs with this configuration`)];
  if (!config.httpApi.enabled) return [say.ok(`${who} holds the pid file`)];
  return [
    say.warning(
      `${who} holds the pid file, but its API does not answer at ${apiUrl(config.httpApi.listen)}`,
      `look into its log; the configuration may have changed since it started: reload it with 'kill -HUP ${server.pid ?? 'PID'}'`,
    ),
  ];
};

interface ApiAnswer {
  readonly pid: number | undefined;
  readonly version: string | undefined;
}

async function askApi(config: Config, around: Surroundings): Promise<ApiAnswer | undefined> {
  if (!config.httpApi.enabled) return undefined;
  const url = `${apiUrl(config.httpApi.listen)}/api/v1`;
  // Its health it tells without credentials.
  return readAnswer(await around.get(`${url}/versions`)) ?? readAnswer(await around.get(`${url}/health`));
}

/** Undefined = something else listens there. */
function readAnswer(text: string | undefined): ApiAnswer | undefined {
  if (text === undefined) return undefined;
  try {
    const answer = JSON.parse(text) as {
      pid?: unknown;
      data?: { version?: unknown; live?: unknown };
    } | null;
    const { version, live } = answer?.data ?? {};
    if (typeof version !== 'string' && live !== true) return undefined;
    const pid = Number(answer?.pid);
    return {
      pid: Number.isInteger(pid) && pid > 0 ? pid : undefined,
      version: typeof version === 'string' ? version : undefined,
    };
  } catch {
    return undefined;
  }
}

function apiUrl({ host, port }: Pick<ListenAddress, 'host' | 'port'>): string {
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function pidFile(config: Config, around: Surroundings): string | undefined {
  if (config.pid === '' || config.pid === '/dev/null') return undefined;
  return path.resolve(around.cwd, config.workDir, config.pid);
}

/** Who is named in the pid file, and whether that process lives and has the file open, as its owner does. */
async function pidFileHolder(
  config: Config,
  around: Surroundings,
): Promise<{ readonly pid: number; readonly alive: boolean } | undefined> {
  const file = pidFile(config, around);
  if (file === undefined) return undefined;
  const text = (await around.read(file))?.trim() ?? '';
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const pid = Number(text);
  const facts = await around.stat(file);
  if (typeof facts === 'string' || typeof (await around.stat(`/proc/${pid}`)) === 'string')
    return { pid, alive: false };
  const open = await around.list(`/proc/${pid}/fd`);
  if (open === undefined) return { pid, alive: true }; // It belongs to somebody else: being there must do.
  const targets = await Promise.all(open.map((fd) => around.stat(`/proc/${pid}/fd/${fd}`)));
  const alive = targets.some(
    (target) => typeof target !== 'string' && target.inode === facts.inode && target.device === facts.device,
  );
  return { pid, alive };
}
