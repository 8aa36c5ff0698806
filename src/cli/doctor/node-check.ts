import { namedListeners, usedDirectives } from './directives.ts';
import { findingsOf, type Check } from './finding.ts';

const say = findingsOf('node');

/** The oldest Node.js that runs the server, as package.json has it: major and minor. */
export const OLDEST_NODE = [20, 20] as const;
const FIRST_OPEN_PORT = 1024;

/** The version of Node.js, and who runs it. */
export const checkNode: Check = ({ config, around }) => {
  const [major = 0, minor = 0] = around.nodeVersion.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_NODE;
  const old = major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
  const version = old
    ? say.error(
        `Node.js ${around.nodeVersion} is older than ${wantedMajor}.${wantedMinor}`,
        `install Node.js ${wantedMajor}.${wantedMinor} or later from https://nodejs.org`,
      )
    : say.ok(`Node.js ${around.nodeVersion}`);
  if (around.uid !== 0) return Promise.resolve([version]);
  const low = namedListeners(usedDirectives(config)).find(
    ({ address }) => address.port > 0 && address.port < FIRST_OPEN_PORT,
  );
  const own = `'User=srs' in the systemd unit, '--user' of Docker, runAsNonRoot of Kubernetes`;
  if (low !== undefined) {
    const why = `${low.address.directive} ${low.address.port} is below ${FIRST_OPEN_PORT}`;
    return Promise.resolve([
      version,
      say.note(`runs as root: ${why}`, `${own}, with 'AmbientCapabilities=CAP_NET_BIND_SERVICE'`),
    ]);
  }
  if (around.container !== undefined)
    return Promise.resolve([version, say.note('runs as root, inside a container', own)]);
  return Promise.resolve([version, say.warning('runs as root, though no port needs it', own)]);
};
