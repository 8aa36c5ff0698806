import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';

const NOTHING = Buffer.alloc(0);

/**
 * Writes, and sees that `onTaken` is called when the kernel has taken bytes that it could not take at once. A socket tells so
 * by 'drain', but only after its high-water mark was reached: below it, an empty write behind the bytes does.
 */
export function writeAndTell(socket: Duplex, bytes: Buffer, onTaken: () => void): void {
  if (socket.write(bytes) && socket.writableLength > 0) socket.write(NOTHING, onTaken);
}
