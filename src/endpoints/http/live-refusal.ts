import type { FastifyReply } from 'fastify';
import type { Socket } from '../../net/index.ts';
import type { MountMatch } from './mount-table.ts';

/** Why a viewer gets no live body. */
export interface Refusal {
  readonly status: 302 | 400 | 403 | 404 | 503;
  readonly text: string;
  /** Of a 302. */
  readonly location?: string;
}

const STATUS_TEXT = {
  302: 'Found',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
} as const;

export const PIPELINED: Refusal = { status: 400, text: 'ask for a live stream on a connection of its own' };
export const NO_TRACKS: Refusal = { status: 400, text: 'audio=0 and video=0 leave nothing to send' };

/** What a format cannot carry has no such representation here. */
export function unfit(why: string): Refusal {
  return { status: 404, text: `not playable: ${why}` };
}

/** Sent to another server. Only to what an HTTP client can open. */
export function elsewhere(location: string): Refusal {
  return /^(?:https?|wss?):\/\//i.test(location)
    ? { status: 302, text: 'the stream is elsewhere', location }
    : { status: 403, text: 'forbidden: ACCESS_REDIRECTED' };
}

export function notFound(match: MountMatch): Refusal {
  return { status: 404, text: `no such stream: ${match.name.app}/${match.name.stream}` };
}

export function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.location !== undefined) reply.header('Location', refusal.location);
  return reply
    .code(refusal.status)
    .header('Cache-Control', 'no-cache, no-store')
    .type('text/plain; charset=utf-8')
    .send(`${refusal.text}\n`);
}

export function refuseSocket(socket: Socket, refusal: Refusal): void {
  const location = refusal.location === undefined ? '' : `Location: ${refusal.location}\r\n`;
  const body = Buffer.from(`${refusal.text}\n`);
  const head =
    `HTTP/1.1 ${refusal.status} ${STATUS_TEXT[refusal.status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: ${body.length}\r\n${location}Connection: close\r\n\r\n`;
  socket.on('data', () => undefined); // Unread bytes would turn our FIN into a reset that loses the answer.
  socket.end(Buffer.concat([Buffer.from(head), body]), () => socket.destroySoon());
}
