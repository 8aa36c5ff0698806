import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, suite, test } from 'node:test';
import { checkCertificates } from '../../../../src/cli/doctor/certificates-check.ts';
import { makeCertificate } from '../../../support/certificates.ts';
import { find } from './fake-surroundings.ts';

const CONF = 'listen 1935;\nhttp_server { enabled on; https { enabled on; key ./k.pem;\ncert ./c.pem; } }';
const DAY = 24 * 3_600_000;
let key = '';
let cert = '';
let otherKey = '';

before(async () => {
  const [one, other] = await Promise.all([makeCertificate('one', 30), makeCertificate('other')]);
  key = await readFile(one.key, 'latin1');
  cert = await readFile(one.cert, 'latin1');
  otherKey = await readFile(other.key, 'latin1');
});

suite('doctor: certificates', () => {
  const look = async (files: Readonly<Record<string, string>>, conf = CONF, days = 0): Promise<string> => {
    const now = Date.now() + days * DAY;
    return (await find(checkCertificates, conf, { files, now: () => now })).join('\n');
  };
  const both = (): Readonly<Record<string, string>> => ({ '/srv/k.pem': key, '/srv/c.pem': cert });

  test('in order', async () => {
    assert.match(
      await look(both()),
      /^ok: http_server\.https\.cert \.\/c\.pem \(srs\.conf:3\) is valid until 20\d\d-/,
    );
  });

  test('nothing speaks TLS, also where the plain server is off', async () => {
    const none = 'ok: nothing of this configuration speaks TLS';
    assert.equal(await look({}, 'listen 1935;'), none);
    assert.equal(await look({}, CONF.replace('enabled on', 'enabled off')), none);
  });

  test('RTMP over TLS too', async () => {
    const conf = 'listen 1935; rtmps { enabled on; key ./k.pem; cert ./c.pem; }';
    assert.match(
      await look(both(), conf),
      /^ok: rtmps\.cert \.\/c\.pem \(srs\.conf:1\) is valid until 20\d\d-/,
    );
    assert.match(await look({}, conf), /^error: rtmps\.key/);
  });

  test('ends soon, has ended', async () => {
    assert.match(await look(both(), CONF, 20), /^warning: .* ends in (9|10) days \(20/);
    assert.match(
      await look(both(), CONF, 40),
      /^error: .* ended (9|10) days ago \(20.*browsers and players refuse it/,
    );
  });

  test('missing, of another key, no PEM', async () => {
    assert.match(await look({}), /^error: http_server\.https\.key \.\/k\.pem \(srs\.conf:2\) cannot be read/);
    assert.match(await look({ '/srv/k.pem': key }), /^error: http_server\.https\.cert .* cannot be read/);
    assert.match(
      await look({ ...both(), '/srv/k.pem': otherKey }),
      /^error: .*the private key is not that of the certificate/,
    );
    assert.match(await look({ ...both(), '/srv/c.pem': 'x' }), /^error: .* cannot be used with its key/);
  });
});
