import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecurityPolicy, type SecurityOptions } from '../../../../src/control/access/index.ts';
import type { AccessAction, AccessRequest } from '../../../../src/hub/ports.ts';

function requestOf(action: AccessAction, ip: string, more: Partial<AccessRequest> = {}): AccessRequest {
  const session = { id: 's', ip, type: 'test', close: () => undefined };
  return { action, session, vhost: 'v', app: 'live', stream: 'demo', params: '', ...more };
}

async function verdict(
  options: SecurityOptions | undefined,
  action: AccessAction,
  ip: string,
): Promise<string> {
  const policy = new SecurityPolicy({ options: () => options });
  return policy.check(requestOf(action, ip)).then(
    () => 'yes',
    (error: unknown) => (error as { code: string }).code,
  );
}

/** `allow publish 1.2.3.4; deny play all` */
function rules(text: string, enabled = true): SecurityOptions {
  const words = text.split(';').map((rule) => rule.trim().split(' '));
  const of = (name: string): string[][] =>
    words.filter(([first]) => first === name).map(([, ...rest]) => rest);
  return { enabled, allows: of('allow'), denys: of('deny') };
}

const CASES: readonly {
  readonly rules: string;
  readonly yes?: readonly string[];
  readonly denied?: readonly string[];
  readonly notAllowed?: readonly string[];
  readonly byDefault?: readonly string[];
}[] = [
  { rules: '', byDefault: ['publish 10.0.0.1', 'play 10.0.0.1', 'play ::1'], yes: ['connect 10.0.0.1'] },
  { rules: 'allow publish all', yes: ['publish 10.0.0.1', 'publish ::1'], notAllowed: ['play 10.0.0.1'] },
  {
    rules: 'deny publish all',
    denied: ['publish 10.0.0.1', 'publish ::1'],
    yes: ['play 10.0.0.1', 'connect 1.1.1.1'],
  },
  {
    rules: 'deny publish all; allow play all',
    denied: ['publish 10.0.0.1'],
    yes: ['play 10.0.0.1'],
  },
  // A deny wins wherever it stands.
  { rules: 'allow play all; deny play 10.0.0.1', denied: ['play 10.0.0.1'], yes: ['play 10.0.0.2'] },
  {
    rules: 'deny play 10.0.0.1; allow play 10.0.0.1',
    denied: ['play 10.0.0.1'],
    notAllowed: ['play 10.0.0.2'],
  },
  // Any allow at all makes all that is not allowed forbidden, also of the other action.
  {
    rules: 'allow publish 10.0.0.1; deny play 10.0.0.9',
    yes: ['publish 10.0.0.1'],
    notAllowed: ['publish 10.0.0.2', 'play 10.0.0.1'],
    denied: ['play 10.0.0.9'],
  },
  {
    rules: 'allow play 192.168.1.0/24; allow play fe80::/10',
    yes: ['play 192.168.1.0', 'play 192.168.1.255', 'play ::ffff:192.168.1.7', 'play fe80::1%eth0'],
    notAllowed: ['play 192.168.0.255', 'play 192.168.2.0', 'play fec0::', 'publish 192.168.1.1'],
  },
  {
    rules: 'allow play ::ffff:10.0.0.0/104',
    yes: ['play 10.9.9.9'],
    notAllowed: ['play 11.0.0.1', 'play ::a00:1'],
  },
  { rules: 'deny play ::/0', denied: ['play ::1'], yes: ['play 10.0.0.1'] },
  { rules: 'deny play 0.0.0.0/0', denied: ['play 10.0.0.1'], yes: ['play ::1'] },
  // Nobody slips through because it is not known where he comes from.
  { rules: 'deny play 10.0.0.1', denied: ['play ', 'play unknown'], yes: ['publish '] },
  { rules: 'allow play 10.0.0.0/8', notAllowed: ['play ', 'play unknown'] },
  { rules: 'allow play all', yes: ['play '] },
];

for (const { rules: text, yes = [], denied = [], notAllowed = [], byDefault = [] } of CASES)
  test(`security { ${text} }`, async () => {
    const expected = [
      ...yes.map((who) => [who, 'yes']),
      ...denied.map((who) => [who, 'SECURITY_DENIED']),
      ...notAllowed.map((who) => [who, 'SECURITY_NOT_ALLOWED']),
      ...byDefault.map((who) => [who, 'SECURITY_DEFAULT']),
    ];
    for (const [who = '', code] of expected) {
      const [action = '', ip = ''] = who.split(' ');
      assert.equal(await verdict(rules(text), action as AccessAction, ip), code, who);
      assert.equal(await verdict(rules(text, false), action as AccessAction, ip), 'yes', `off: ${who}`);
    }
  });

test('a vhost that is not served any more has no rules', async () => {
  assert.equal(await verdict(undefined, 'play', '10.0.0.1'), 'yes');
});

test('the rules are read once for a block, and anew for another one', async () => {
  let reads = 0;
  const block = (deny: string): SecurityOptions => ({
    enabled: true,
    allows: [],
    get denys() {
      reads += 1;
      return [['play', deny]];
    },
  });
  let inForce = block('10.0.0.1');
  const policy = new SecurityPolicy({ options: () => inForce });
  for (let count = 0; count < 3; count += 1)
    await assert.rejects(policy.check(requestOf('play', '10.0.0.1')), { code: 'SECURITY_DENIED' });
  assert.equal(reads, 1);
  inForce = block('10.0.0.2');
  await policy.check(requestOf('play', '10.0.0.1'));
  await assert.rejects(policy.check(requestOf('play', '10.0.0.2')), { code: 'SECURITY_DENIED' });
  assert.equal(reads, 2);
});
