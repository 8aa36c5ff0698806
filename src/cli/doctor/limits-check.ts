import { openFileLimit, openFilesProblem, OWN_OPEN_FILES } from '../../server/process/open-files.ts';
import { cpuQuota, memoryLimit } from './cgroup.ts';
import { namedListeners, usedDirectives } from './directives.ts';
import { findingsOf, type Check, type Context, type Finding } from './finding.ts';
import { bytes } from './units.ts';

const say = findingsOf('limits');

/** What the server takes by itself. */
const BASE_BYTES = 100 * 1024 * 1024;
/** What one connection takes, the buffers of the kernel included, as long as it reads what it gets. */
const CONNECTION_BYTES = 64 * 1024;

/** Open files, memory and processors against what the configuration asks for. */
export const checkLimits: Check = async (context) => [
  await checkOpenFiles(context),
  await checkMemory(context),
  await checkCpus(context),
];

async function checkOpenFiles({ config, around }: Context): Promise<Finding> {
  const text = await around.read('/proc/self/limits');
  const limit = text === undefined ? undefined : openFileLimit(() => text);
  const listeners = namedListeners(usedDirectives(config)).length;
  const problem = openFilesProblem(config.maxConnections, listeners, limit);
  if (problem !== undefined) {
    return (problem.fatal ? say.error : say.warning)(problem.what, problem.mend);
  }
  const needed = config.maxConnections + listeners + OWN_OPEN_FILES;
  const allowed = limit === undefined ? 'no limit is known' : `${limit} are allowed`;
  return say.ok(`open files: max_connections ${config.maxConnections} needs about ${needed}, ${allowed}`);
}

async function checkMemory({ config, around }: Context): Promise<Finding> {
  const limit = await memoryLimit(around);
  const available = Math.min(limit ?? Infinity, around.memoryBytes);
  const from =
    limit !== undefined && limit < around.memoryBytes ? 'the control group allows' : 'the machine has';
  const needed = BASE_BYTES + config.maxConnections * CONNECTION_BYTES;
  const told = `memory: ${config.maxConnections} connections may need ${bytes(needed)}, ${from} ${bytes(available)}`;
  if (needed <= available) return say.ok(told);
  const fit = Math.max(1, Math.floor((available - BASE_BYTES) / CONNECTION_BYTES));
  return say.warning(
    told,
    `raise the memory limit ('MemoryMax=' of systemd, '--memory' of Docker, resources.limits.memory of Kubernetes), ` +
      `or 'max_connections ${fit};'`,
  );
}

async function checkCpus({ around }: Context): Promise<Finding> {
  const quota = await cpuQuota(around);
  const told = `processors: ${around.cpus}${quota === undefined ? '' : `, of which the control group allows ${round(quota)}`}`;
  if (quota === undefined || quota >= 1) return say.ok(told);
  return say.warning(
    told,
    `media stands still while the quota is used up: allow at least 1 ('CPUQuota=100%' of systemd, '--cpus 1' of Docker, ` +
      `resources.limits.cpu of Kubernetes), or no limit`,
  );
}

function round(number: number): string {
  return String(Math.round(number * 100) / 100);
}
