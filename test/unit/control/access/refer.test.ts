import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferPolicy, type ReferOptions } from '../../../../src/control/access/index.ts';
import type { AccessAction } from '../../../../src/hub/ports.ts';

async function verdict(
  lists: Partial<ReferOptions> | undefined,
  action: AccessAction,
  pageUrl: string | undefined,
): Promise<string> {
  const options = lists && { enabled: true, all: [], publish: [], play: [], ...lists };
  const policy = new ReferPolicy({ options: () => options });
  const session = { id: 's', ip: '10.0.0.1', type: 'test', close: () => undefined };
  const page = pageUrl === undefined ? {} : { pageUrl };
  return policy.check({ action, session, vhost: 'v', app: 'a', stream: 's', params: '', ...page }).then(
    () => 'yes',
    (error: unknown) => (error as { code: string }).code,
  );
}

const PAGES: readonly {
  readonly domains: readonly string[];
  readonly yes: readonly (string | undefined)[];
  readonly no: readonly (string | undefined)[];
}[] = [
  {
    domains: ['example.com'],
    yes: [
      'http://example.com',
      'http://example.com/',
      'https://www.example.com/a/b?c=d#e',
      'http://a.b.example.com:8080/x',
      'HTTP://WWW.EXAMPLE.COM/',
      'example.com/page',
      'www.example.com:8080/page',
      'http://example.com./',
      'http://user:pass@example.com/',
      'rtmp://example.com/live',
    ],
    no: [
      undefined,
      '',
      'http://evil-example.com/',
      'http://example.com.evil.org/',
      'http://example.org/',
      'http://evil.org/example.com',
      'http://evil.org?example.com',
      'http://evil.org#example.com',
      'http://example.com@evil.org/',
      'http://evil.org\\@example.com/',
      'http://com/',
      'file:///example.com',
      'data:text/html,example.com',
      'about:example.com',
      'javascript:example.com',
      'http://',
      '://example.com',
      `http://example.com/${'a'.repeat(5_000)}`,
    ],
  },
  {
    domains: ['.example.com'],
    yes: ['http://www.example.com/'],
    no: ['http://example.com/', 'http://xexample.com/'],
  },
  {
    domains: ['com'],
    yes: ['http://example.com/', 'http://com'],
    no: ['http://example.org', 'http://telecom/'],
  },
  { domains: ['a.org', 'EXAMPLE.net'], yes: ['http://a.org', 'http://b.example.net'], no: ['http://b.org'] },
  {
    domains: ['bücher.example'],
    yes: ['http://www.xn--bcher-kva.example/', 'http://BÜCHER.example'],
    no: ['http://bucher.example'],
  },
  { domains: ['0.0.1', '10.0.0.2'], yes: ['http://10.0.0.2:80/'], no: ['http://10.0.0.1/', 'http://[::1]/'] },
  { domains: ['[::1]'], yes: ['http://[::1]:8080/x'], no: ['http://[::2]/'] },
  {
    domains: ['', 'example.com'],
    yes: [undefined, '', 'http://example.com'],
    no: ['http://evil.org', 'file:///x'],
  },
];

for (const { domains, yes, no } of PAGES)
  test(`pages of ${domains.map((domain) => `'${domain}'`).join(', ')}`, async () => {
    for (const page of yes) assert.equal(await verdict({ all: domains }, 'play', page), 'yes', String(page));
    for (const page of no)
      assert.equal(await verdict({ all: domains }, 'play', page), 'REFER_DENIED', String(page));
  });

const A = 'http://a.org/';
const LISTS: readonly (readonly [
  lists: Partial<ReferOptions>,
  actions: Readonly<Record<AccessAction, string>>,
])[] = [
  [{}, { connect: 'yes', publish: 'yes', play: 'yes' }],
  [{ all: ['b.org'] }, { connect: 'REFER_DENIED', publish: 'REFER_DENIED', play: 'REFER_DENIED' }],
  [{ publish: ['b.org'] }, { connect: 'yes', publish: 'REFER_DENIED', play: 'yes' }],
  [{ play: ['b.org'] }, { connect: 'yes', publish: 'yes', play: 'REFER_DENIED' }],
  [
    { all: ['a.org'], play: ['b.org'] },
    { connect: 'yes', publish: 'yes', play: 'REFER_DENIED' },
  ],
  [
    { all: ['b.org'], play: ['a.org'] },
    { connect: 'REFER_DENIED', publish: 'REFER_DENIED', play: 'REFER_DENIED' },
  ],
  [
    { all: ['b.org'], enabled: false },
    { connect: 'yes', publish: 'yes', play: 'yes' },
  ],
];

for (const [lists, actions] of LISTS)
  test(`a page of a.org with ${JSON.stringify(lists)}`, async () => {
    for (const [action, expected] of Object.entries(actions))
      assert.equal(await verdict(lists, action as AccessAction, A), expected, action);
  });

test('a vhost that is not served any more has no lists', async () => {
  assert.equal(await verdict(undefined, 'play', ''), 'yes');
});
