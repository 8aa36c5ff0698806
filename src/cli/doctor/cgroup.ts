import type { Surroundings } from './surroundings.ts';

const ROOT = '/sys/fs/cgroup';
/** Version 1 says "no limit" with a number near 2^63. */
const UNLIMITED = 2 ** 60;

type Reading = Pick<Surroundings, 'read'>;

/** The least memory that one of the control groups around this process allows, bytes; undefined = no limit. */
export async function memoryLimit(around: Reading): Promise<number | undefined> {
  const [two, one] = await Promise.all([
    limits(around, await folders(around, ''), 'memory.max', plainNumber),
    limits(around, await folders(around, 'memory'), 'memory.limit_in_bytes', plainNumber),
  ]);
  return least([...two, ...one]);
}

/** How many processors the control groups allow, 0.5 is half of one; undefined = no limit. */
export async function cpuQuota(around: Reading): Promise<number | undefined> {
  const two = await limits(around, await folders(around, ''), 'cpu.max', (text) => {
    const [quota = '', period = ''] = text.split(' ');
    return ratio(quota, period);
  });
  const one = await Promise.all(
    (await folders(around, 'cpu')).map(async (folder) =>
      ratio(
        (await around.read(`${folder}/cpu.cfs_quota_us`)) ?? '',
        (await around.read(`${folder}/cpu.cfs_period_us`)) ?? '',
      ),
    ),
  );
  return least([...two, ...one]);
}

/**
 * The folders of this process's group and of those around it, of version 2 (`''`) or of a controller of version 1, by
 * /proc/self/cgroup: `4:memory:/a/b`, `0::/a/b` (cgroups(7)). In a container the path may be one of the host: then only the
 * root is there, and it is the container's own group.
 */
async function folders(around: Reading, controller: string): Promise<readonly string[]> {
  const lines = ((await around.read('/proc/self/cgroup')) ?? '').split('\n');
  for (const line of lines) {
    const [, id = '', controllers = '', group = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const fits =
      controller === '' ? id === '0' && controllers === '' : controllers.split(',').includes(controller);
    if (!fits) continue;
    const parts = group.split('/').filter((part) => part !== '' && part !== '..');
    const base = controller === '' ? ROOT : `${ROOT}/${controller}`;
    return [base, ...parts.map((_, i) => `${base}/${parts.slice(0, i + 1).join('/')}`)];
  }
  return [];
}

async function limits(
  around: Reading,
  groups: readonly string[],
  file: string,
  parse: (text: string) => number | undefined,
): Promise<readonly (number | undefined)[]> {
  return Promise.all(
    groups.map(async (group) => parse(((await around.read(`${group}/${file}`)) ?? '').trim())),
  );
}

function plainNumber(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Infinity;
  return number < UNLIMITED ? number : undefined;
}

/** `max` and -1 are no limit. */
function ratio(quota: string, period: string): number | undefined {
  const [a, b] = [plainNumber(quota.trim()), plainNumber(period.trim())];
  return a === undefined || b === undefined || a === 0 || b === 0 ? undefined : a / b;
}

function least(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
