/** Variables of the server that are no directives. */
export const KNOWN_VARIABLES: readonly string[] = ['SRS_CONFIG_FILE', 'SRS_ENV_ONLY'];

/** Names that others give to variables around this server: images and scripts that build or start it. */
const USUAL: ReadonlySet<string> = new Set([
  'SRS_BRANCH',
  'SRS_COMMIT',
  'SRS_CONTAINER_NAME',
  'SRS_HOME',
  'SRS_IMAGE',
  'SRS_REGION',
  'SRS_SOURCE',
  'SRS_TAG',
  'SRS_VERSION',
]);

/**
 * Kubernetes sets these in every pod for a service named `srs` or `srs-…`, as the links of Docker did:
 * `SRS_SERVICE_HOST`, `SRS_SERVICE_PORT`, `SRS_SERVICE_PORT_RTMP`, `SRS_PORT_1935_TCP`, `SRS_PORT_1935_TCP_ADDR`, ….
 */
const SERVICE_LINK =
  /^SRS_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d{1,5}_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR|START|END))?)$/;
/** `SRS_PORT=tcp://10.0.0.1:1935`, also for a service named `srs-…`; with any other value somebody means a directive. */
const SERVICE_PORT = /^SRS_(?:[A-Z0-9_]+_)?PORT$/;
const SERVICE_URL = /^(?:tcp|udp|sctp):\/\//;
/** The links of Docker: the name of the link, and the variables of the other container. */
const DOCKER_LINK = /^SRS_(?:NAME$|ENV_)/;

/** Whether a variable that begins with `SRS_` and names no directive was set by somebody who does not mean this server. */
export function isForeign(name: string, value: string): boolean {
  if (USUAL.has(name) || SERVICE_LINK.test(name) || DOCKER_LINK.test(name)) return true;
  return SERVICE_PORT.test(name) && SERVICE_URL.test(value);
}
