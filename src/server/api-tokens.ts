import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeError, ServerError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { isApiToken } from '../config/index.ts';
import { API_ROLES, type ApiToken } from '../control/api/index.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** Largest file of tokens, bytes. */
export const MAX_TOKEN_FILE_BYTES = 64 * 1024;
/** Tokens of a file; each request with credentials is compared with all of them. */
export const MAX_FILE_TOKENS = 1_000;
/** Bytes of a token that is made here. */
const TOKEN_BYTES = 32;

/** What a file of tokens holds. */
export interface TokenFile {
  readonly tokens: readonly ApiToken[];
  /** What is odd about it, for the log; no token is in it. */
  readonly problems: readonly string[];
}

/**
 * Reads a file with one token a line, a role before it or (admin) none, and comments. Undefined = there is no such file; throws
 * API_TOKENS_FAILED when it cannot be read.
 */
export function readTokenFile(file: string): TokenFile | undefined {
  const { text, mode } = readText(file) ?? {};
  if (text === undefined) return undefined;
  const problems: string[] = [];
  if (((mode ?? 0) & 0o077) !== 0) problems.push(`${file} may be read by other users: chmod 600 mends it`);
  const tokens: ApiToken[] = [];
  text.split('\n').forEach((line, i) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === '' || words[0]?.startsWith('#') === true) return;
    const token = tokenOf(words);
    if (token === undefined) problems.push(`${file}:${i + 1} is no token and ignored`);
    else if (tokens.length === MAX_FILE_TOKENS) problems.push(`${file}:${i + 1} is one token too many`);
    else tokens.push(token);
  });
  return { tokens, problems: problems.slice(0, MAX_PROBLEMS) };
}

const MAX_PROBLEMS = 10;
/** Characters of a path in a message. */
const MAX_SHOWN = 300;

/** Makes a file with one new token of an admin, which nobody but the user of this process may read; or throws API_TOKENS_FAILED. */
export function makeTokenFile(file: string): readonly ApiToken[] {
  const value = randomBytes(TOKEN_BYTES).toString('base64url');
  const made = `${file}.${process.pid}.tmp`;
  try {
    makeFolder(path.dirname(path.resolve(file)));
    rmSync(made, { force: true });
    writeFileSync(made, `${value}\n`, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(made, file);
  } catch (cause) {
    rmSync(made, { force: true });
    const message = `http_api.auth.token_file ${printable(file, MAX_SHOWN)} cannot be made, and without credentials nobody could use the HTTP API`;
    throw new ServerError('API_TOKENS_FAILED', message, { cause });
  }
  return [{ role: 'admin', value }];
}

function tokenOf(words: readonly string[]): ApiToken | undefined {
  const [first = '', second, extra] = words;
  const value = second ?? first;
  const role = second === undefined ? 'admin' : API_ROLES.find((name) => name === first);
  return role === undefined || extra !== undefined || !isApiToken(value) ? undefined : { role, value };
}

function readText(file: string): { readonly text: string; readonly mode: number } | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const { mode, size } = fstatSync(fd);
    if (size > MAX_TOKEN_FILE_BYTES) throw new RangeError(`has more than ${MAX_TOKEN_FILE_BYTES} bytes`);
    const buffer = Buffer.alloc(MAX_TOKEN_FILE_BYTES);
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    return { text: buffer.toString('utf8', 0, length), mode };
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    const message = `http_api.auth.token_file ${printable(file, MAX_SHOWN)} cannot be read: ${describeError(cause)}`;
    throw new ServerError('API_TOKENS_FAILED', message);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
