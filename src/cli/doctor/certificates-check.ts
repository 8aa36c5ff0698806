import path from 'node:path';
import { describeError } from '../../base/errors.ts';
import { checkCertificate, expiryOf } from '../../server/https-part.ts';
import { placeOf, usedDirectives } from './directives.ts';
import { findingsOf, type Check, type Context, type Finding } from './finding.ts';

const say = findingsOf('certificates');

/** Keys and certificates of the listeners that speak TLS: whether they can be read, fit each other, and are valid for long enough. */
export const checkCertificates: Check = async (context) => {
  const used = usedDirectives(context.config);
  const textOf = (name: string): { readonly key: string; readonly value: string } | undefined => {
    const found = used.find((one) => one.name === name);
    return typeof found?.value === 'string' ? { key: found.key, value: found.value } : undefined;
  };
  const findings: Finding[] = [];
  for (const block of new Set(used.map(({ name }) => name.slice(0, name.lastIndexOf('.'))))) {
    const key = textOf(`${block}.key`);
    const cert = textOf(`${block}.cert`);
    if (key === undefined || cert === undefined) continue;
    findings.push(await checkPair(block, [key, cert], context));
  }
  return findings.length > 0 ? findings : [say.ok('nothing of this configuration speaks TLS')];
};

interface Written {
  /** As the origins of a configuration name it. */
  readonly key: string;
  readonly value: string;
}

async function checkPair(
  block: string,
  pair: readonly [Written, Written],
  { config, around, loaded }: Context,
): Promise<Finding> {
  const workDir = path.resolve(around.cwd, config.workDir);
  const texts: string[] = [];
  for (const [i, { key, value }] of pair.entries()) {
    const text = await around.read(path.resolve(workDir, value));
    const name = `${block}.${i === 0 ? 'key' : 'cert'} ${value} (${placeOf(loaded, key)})`;
    if (text === undefined)
      return say.error(
        `${name} cannot be read by this user: the server does not start`,
        `put the PEM file there, or for a try make one: 'openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj ` +
          `/CN=localhost -keyout server.key -out server.crt'`,
      );
    texts.push(text);
  }
  const name = `${block}.cert ${pair[1].value} (${placeOf(loaded, pair[1].key)})`;
  try {
    const { endsAtMs } = checkCertificate(texts[0] ?? '', texts[1] ?? '');
    const expiry = expiryOf(endsAtMs, around.now());
    if (expiry === undefined)
      return say.ok(`${name} is valid until ${new Date(endsAtMs).toISOString().slice(0, 10)}`);
    const mend = 'renew it; the running server reads the files again by itself';
    return endsAtMs < around.now()
      ? say.error(`${name} ${expiry}: browsers and players refuse it`, mend)
      : say.warning(`${name} ${expiry}`, mend);
  } catch (error) {
    return say.error(
      `${name} cannot be used with its key: ${describeError(error)}`,
      'both must be PEM, the key without a password and the one of the certificate',
    );
  }
}
