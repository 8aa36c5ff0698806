import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ServerError } from '../../src/base/errors.ts';
import { parseConfig } from '../../src/config/index.ts';
import { FlvReader, frameFromFlv } from '../../src/containers/flv/index.ts';
import { readAmf0 } from '../../src/protocols/amf0/index.ts';
import { RtmpLink, ServerHandshake } from '../../src/protocols/rtmp/index.ts';

const CORPUS = path.resolve(import.meta.dirname, '../corpus');

/** Takes the bytes in one or many pieces. */
type Parser = (pieces: readonly Buffer[]) => void;

const PARSERS: Readonly<Record<string, Parser>> = {
  amf0: (pieces) => void readAmf0(Buffer.concat(pieces)),
  chunk: (pieces) => {
    const handler = { onMessage: () => undefined, onUserControl: () => undefined };
    const link = new RtmpLink(handler, () => undefined);
    for (const piece of pieces) link.receive(piece);
  },
  handshake: (pieces) => {
    const handshake = new ServerHandshake();
    for (const piece of pieces) handshake.push(piece);
  },
  flv: (pieces) => {
    const reader = new FlvReader();
    for (const piece of pieces) {
      for (const tag of reader.push(piece)) {
        if (tag.typeId === 8 || tag.typeId === 9 || tag.typeId === 18)
          frameFromFlv(tag.typeId, tag.timestamp, tag.body);
      }
    }
  },
  config: (pieces) => void parseConfig(Buffer.concat(pieces).toString('utf8'), 'corpus'),
};

for (const [format, parse] of Object.entries(PARSERS)) {
  const files = readdirSync(path.join(CORPUS, format));
  test(`corpus ${format}: ${files.length} files are read or refused, whole and byte by byte`, () => {
    assert.ok(files.length > 0, `no files in ${format}`);
    for (const file of files) {
      const bytes = readFileSync(path.join(CORPUS, format, file));
      const single = Array.from(bytes, (byte) => Buffer.from([byte]));
      for (const pieces of [[bytes], single]) {
        try {
          parse(pieces);
        } catch (error) {
          assert.ok(error instanceof ServerError, `${format}/${file}: ${String(error)}`);
        }
      }
    }
  });
}
