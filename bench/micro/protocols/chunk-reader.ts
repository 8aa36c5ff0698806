// How long ChunkReader takes per message: `node --import tsx bench/micro/protocols/chunk-reader.ts`. Prints JSON.
import { Buffer } from 'node:buffer';
import {
  ChunkReader,
  writeChunks0,
  writeChunks1,
  sizeOfChunks0,
  sizeOfChunks1,
} from '../../../src/protocols/rtmp/index.ts';

const MESSAGES = 20_000;
const ROUNDS = 40;

/** One publisher's bytes: audio of 150–400 bytes and video of 600–1200 on their own chunk streams, deltas of 15 ms. */
function publisherBytes(chunkSize: number): Buffer {
  const parts: Buffer[] = [];
  let seed = 1;
  for (let i = 0; i < MESSAGES; i++) {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    const audio = i % 2 === 0;
    const length = audio ? 150 + (seed % 250) : 600 + (seed % 600);
    const payload = Buffer.alloc(length, i & 0xff);
    const csid = audio ? 4 : 6;
    const typeId = audio ? 8 : 9;
    if (i < 2) {
      const bytes = Buffer.alloc(sizeOfChunks0(0, length, chunkSize, csid));
      writeChunks0(bytes, 0, csid, 0, typeId, 1, payload, chunkSize);
      parts.push(bytes);
    } else {
      const bytes = Buffer.alloc(sizeOfChunks1(15, length, chunkSize, csid));
      writeChunks1(bytes, 0, csid, 15, typeId, payload, chunkSize);
      parts.push(bytes);
    }
  }
  return Buffer.concat(parts);
}

/** Median nanoseconds per message over the rounds. */
function measure(chunkSize: number, readBytes: number): { ns: number; mbitPerSecond: number } {
  const bytes = publisherBytes(chunkSize);
  let messages = 0;
  let total = 0;
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const reader = new ChunkReader({
      onMessage(typeId, timestamp, streamId, payload) {
        messages++;
        total += typeId + timestamp + streamId + payload.length;
      },
    });
    reader.setChunkSize(chunkSize);
    const reads: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += readBytes) reads.push(bytes.subarray(at, at + readBytes));
    const start = process.hrtime.bigint();
    for (const read of reads) reader.push(read);
    times.push(Number(process.hrtime.bigint() - start) / MESSAGES);
  }
  if (messages !== MESSAGES * ROUNDS || total === 0) throw new Error(`lost messages: ${messages}`);
  times.sort((a, b) => a - b);
  const ns = times[times.length >> 1] ?? 0;
  return { ns: Math.round(ns), mbitPerSecond: Math.round((bytes.length * 8 * 1000) / (ns * MESSAGES)) };
}

const results = [];
for (const chunkSize of [60_000, 4096, 128]) {
  for (const readBytes of [65_536, 8192, 1448]) {
    results.push({ chunkSize, readBytes, ...measure(chunkSize, readBytes) });
  }
}
console.log(
  JSON.stringify({ bench: 'chunk-reader', messages: MESSAGES, rounds: ROUNDS, results }, undefined, 1),
);
