import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { PAGE } from './page.ts';
import { Sessions, type CallbackBody } from './sessions.ts';
import { headerOf, isOurs } from './signature.ts';
import { signedQuery } from './signed-url.ts';

export interface HooksServerOptions {
  /** [http_hooks secret] */
  readonly hooksSecret: string;
  /** [access sign_key] */
  readonly signKey: { readonly name: string; readonly secret: string };
  /** Public names of streams by the secret keys that their publishers use as stream name. */
  readonly streamKeys: ReadonlyMap<string, string>;
  /** Where the streaming server is, without a slash at the end. */
  readonly rtmpUrl: string;
  readonly httpUrl: string;
  /** Unix ms. */
  readonly now?: () => number;
}

/** What the streaming server hears: 0 = yes; `data.stream` gives the stream another name. */
interface Answer {
  readonly code: number;
  readonly data?: { readonly stream: string };
}

/** Ids of callbacks that are remembered. They come again when the server did not hear our answer. */
const MAX_SEEN = 100_000;
const APP = 'live';
const VHOST = '__defaultVhost__';
const WANTED = 'wanted: action (play or publish), stream (letters, digits, _ and -), seconds (1 to 86400)';
const REFUSED: Answer = { code: 403 };
const YES: Answer = { code: 0 };

/** A service that the streaming server asks and tells (`http_hooks`), with a page. */
export function createHooksServer(options: HooksServerOptions): FastifyInstance {
  const { hooksSecret, signKey, streamKeys, rtmpUrl, httpUrl, now = Date.now } = options;
  const sessions = new Sessions();
  const seen = new Map<string, Answer>();
  const app = Fastify({ bodyLimit: 64 * 1024 });

  // What is signed are the bytes: they are parsed afterwards.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });

  /** 401 makes the server refuse its client: somebody else could otherwise let anybody in, or end sessions. */
  const isGenuine = (request: FastifyRequest, signed: Buffer | string): boolean =>
    isOurs(request.headers, signed, hooksSecret, now());

  app.post('/hooks', (request, reply) => {
    const bytes = request.body;
    if (!Buffer.isBuffer(bytes) || !isGenuine(request, bytes)) return reply.code(401).send();
    const id = headerOf(request.headers, 'x-srs-event-id');
    const answer = seen.get(id) ?? take(membersOf(bytes));
    seen.delete(id); // The newest ones are last.
    seen.set(id, answer);
    for (const oldest of seen.keys()) {
      if (seen.size <= MAX_SEEN) break;
      seen.delete(oldest);
    }
    return reply.send(answer);
  });

  // on_hls_notify: a GET for each segment, for instance to warm a cache.
  app.get('/segments/*', (request, reply) => reply.code(isGenuine(request, request.url) ? 200 : 401).send());

  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));

  app.get('/sessions.json', () => ({ open: sessions.open, ended: sessions.ended, files: sessions.files }));

  app.post('/signed-urls', (request, reply) => {
    const { action, stream, seconds } = membersOf(request.body);
    const isWish =
      (action === 'play' || action === 'publish') && typeof stream === 'string' && /^[\w-]+$/.test(stream);
    if (!isWish || typeof seconds !== 'number' || !(seconds >= 1 && seconds <= 86_400))
      return reply.code(400).send({ message: WANTED });
    const expires = Math.floor(now() / 1000 + seconds);
    const query = signedQuery({ action, vhost: VHOST, app: APP, stream, expires }, signKey);
    const rtmp = `${rtmpUrl}/${APP}/${stream}?${query}`;
    const urls =
      action === 'publish'
        ? [rtmp]
        : [rtmp, `${httpUrl}/${APP}/${stream}.flv?${query}`, `${httpUrl}/${APP}/${stream}.m3u8?${query}`];
    return reply.send({ urls });
  });

  /** Decides and keeps book. Whoever is refused has no session. */
  function take(body: CallbackBody): Answer {
    if (body.action !== 'on_publish') {
      sessions.take(body, now());
      return YES;
    }
    const stream = streamKeys.get(typeof body.stream === 'string' ? body.stream : '');
    if (stream === undefined) return REFUSED;
    sessions.take(body, now(), stream);
    return { code: 0, data: { stream } };
  }

  return app;
}

/** The members of a JSON object; none where it is something else. */
function membersOf(body: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = Buffer.isBuffer(body) ? JSON.parse(body.toString()) : undefined;
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
