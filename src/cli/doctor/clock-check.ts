import { findingsOf, type Check, type Context, type Finding } from './finding.ts';

const say = findingsOf('clock');

/** No machine that runs this program has an earlier date. */
const EARLIEST_YEAR = 2025;
const LATEST_YEAR = 2100;
/** How long the two clocks are compared, ms. */
const LOOK_MS = 300;
/** A clock that is slewed differs by 0.15 ms in that time; one that is set jumps. */
const JUMP_MS = 50;
const SET_CLOCK = `'timedatectl set-ntp true', or run chrony; in a virtual machine let the host set the clock`;

/** Date, time zone, and whether anything keeps the clock right. */
export const checkClock: Check = async (context) => [
  checkDate(context),
  await checkSynchronised(context),
  ...(await checkJumps(context)),
];

function checkDate({ around }: Context): Finding {
  const now = new Date(around.now());
  const year = now.getUTCFullYear();
  const told = `${now.toISOString().slice(0, 19)}Z, time zone ${around.timeZone}`;
  if (year < EARLIEST_YEAR || year > LATEST_YEAR)
    return say.error(`${told}: that is not today; certificates and signed URLs fail`, SET_CLOCK);
  return say.ok(told);
}

async function checkSynchronised({ around }: Context): Promise<Finding> {
  const result = await around.run('timedatectl', ['show', '-p', 'NTPSynchronized', '-p', 'NTP']);
  const text = result?.succeeded === true ? result.stdout : '';
  if (/^NTPSynchronized=yes$/m.test(text)) return say.ok('kept right over the network');
  if (/^NTPSynchronized=no$/m.test(text)) {
    const off = /^NTP=no$/m.test(text) ? 'nothing sets it' : 'no time server has answered yet';
    return say.warning(`not kept right over the network: ${off}`, SET_CLOCK);
  }
  const inside = around.container === undefined ? '' : ': the host of a container is in charge of it';
  return say.note(`this system does not say whether something keeps it right${inside}`);
}

async function checkJumps({ around }: Context): Promise<readonly Finding[]> {
  const [wall, steady] = [around.now(), around.monotonicMs()];
  await around.wait(LOOK_MS);
  const jump = around.now() - wall - (around.monotonicMs() - steady);
  if (Math.abs(jump) < JUMP_MS) return [];
  const told = `it jumped by ${Math.round(jump)} ms within ${LOOK_MS} ms: something sets it back and forth`;
  return [
    say.warning(
      told,
      'run one program that sets the clock, not two (ntpd, chrony, tools of the virtual machine)',
    ),
  ];
}
