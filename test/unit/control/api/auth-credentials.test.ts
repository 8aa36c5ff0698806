import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { CredentialTable, mayAtLeast, presentedBy } from '../../../../src/control/api/auth-credentials.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

const table = new CredentialTable({
  basic: { username: 'admin', password: 'p:w ü' },
  tokens: [
    { role: 'read', value: 'reader-0123456789' },
    { role: 'operate', value: `sha256:${hash('operator-0123456789')}` },
    { role: 'read', value: 'both-0123456789ab' },
    { role: 'admin', value: `sha256:${hash('both-0123456789ab').toUpperCase()}` },
  ],
});

const CASES: readonly (readonly [header: string | undefined, want: string | undefined])[] = [
  [basic('admin:p:w ü'), 'basic admin'],
  [basic('admin:p:w ü').toLowerCase().slice(0, 5) + basic('admin:p:w ü').slice(5), 'basic admin'],
  ['Bearer reader-0123456789', 'bearer read'],
  ['bearer   reader-0123456789', 'bearer read'],
  ['Bearer operator-0123456789', 'bearer operate'],
  ['Bearer both-0123456789ab', 'bearer admin'],
  [`Bearer ${hash('operator-0123456789')}`, undefined],
  [`Bearer sha256:${hash('operator-0123456789')}`, undefined],
  [basic('reader-0123456789'), undefined],
  [basic('admin:'), undefined],
  [basic('admin'), undefined],
  [basic('ADMIN:p:w ü'), undefined],
  ['Bearer admin:p:w', undefined],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['reader-0123456789', undefined],
  ['Bearer reader-0123456789 x', undefined],
  ['Digest reader-0123456789', undefined],
  ['', undefined],
  [undefined, undefined],
];

for (const [header, want] of CASES)
  test(`who gives ${JSON.stringify(header)} is ${want ?? 'nobody'}`, () => {
    const presented = presentedBy(header);
    const caller = presented === undefined ? undefined : table.find(presented);
    assert.equal(caller && `${caller.scheme} ${caller.role}`, want);
  });

test('without credentials nobody is known', () => {
  const empty = new CredentialTable({ basic: undefined, tokens: [] });
  for (const [header] of CASES) {
    const presented = presentedBy(header);
    assert.equal(presented && empty.find(presented), undefined);
  }
});

test('each role may what those before it may', () => {
  const may = (['read', 'operate', 'admin'] as const).map((role) =>
    (['read', 'operate', 'admin'] as const).map((needed) => mayAtLeast({ role }, needed)),
  );
  assert.deepEqual(may, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
  assert.equal(mayAtLeast(undefined, 'read'), false);
});
