import { findingsOf, type Check, type Context, type Finding } from './finding.ts';

const say = findingsOf('container');

/** Programs that may be process 1 of a container: they wait for the processes that others leave behind. */
const INITS: ReadonlySet<string> = new Set([
  'systemd',
  'init',
  'tini',
  'docker-init',
  'dumb-init',
  'catatonit',
  's6-svscan',
  'runit',
  'pause',
]);

/** Whether this is a container, and what that means for the configuration. */
export const checkContainer: Check = async (context) => [
  ...(await checkInside(context)),
  ...checkServiceLinks(context),
];

async function checkInside({ config, around }: Context): Promise<readonly Finding[]> {
  const sign = config.inDocker ? 'in_docker on' : around.container;
  if (sign === undefined) return [say.ok('none is detected')];
  const daemon = config.daemon
    ? config.disableDaemonForDocker
      ? 'daemon on has no effect (disable_daemon_for_docker)'
      : undefined
    : 'the server stays in the foreground';
  const reload = config.autoReloadForDocker
    ? 'a changed file is reloaded (auto_reload_for_docker)'
    : 'a changed file is not reloaded by itself (auto_reload_for_docker off)';
  const findings = [
    say.ok([`found by ${sign}`, daemon, reload].filter((text) => text !== undefined).join('; ')),
  ];
  if (daemon === undefined)
    findings.push(
      say.warning(
        'daemon on and disable_daemon_for_docker off: the container ends as soon as the server is in the background',
        `'daemon off;'`,
      ),
    );
  if (config.srsLogTank === 'file')
    findings.push(
      say.note(
        'the log goes to a file inside the container, where docker logs and kubectl logs do not see it',
        `'srs_log_tank console;'`,
      ),
    );
  const first = (await around.read('/proc/1/comm'))?.trim() ?? '';
  if (first !== '' && !INITS.has(first))
    findings.push(
      say.note(
        `process 1 is ${first}, no init: programs that a killed ffmpeg leaves behind stay as zombies`,
        `'docker run --init', 'init: true' in Compose, or tini as the entry point`,
      ),
    );
  return findings;
}

/** Kubernetes and Docker links name their variables after the service: one that is called srs looks like our settings. */
function checkServiceLinks({ around }: Context): readonly Finding[] {
  const links = Object.entries(around.env)
    .filter(
      ([name, value]) =>
        /^SRS_(?:[A-Z0-9_]+_)?PORT$/.test(name) && /^(?:tcp|udp|sctp):\/\//.test(value ?? ''),
    )
    .map(([name]) => name);
  if (links.length === 0) return [];
  const some = links.slice(0, MAX_NAMES).join(', ');
  return [
    say.note(
      `${some}: Kubernetes names a service here whose name begins with srs; such variables are no settings and are ignored`,
      `'enableServiceLinks: false' in the pod, or another name for the service`,
    ),
  ];
}

const MAX_NAMES = 5;
