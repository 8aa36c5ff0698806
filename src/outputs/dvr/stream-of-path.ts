import { basename, resolve } from 'node:path';
import type { StreamName } from '../../hub/ports.ts';
import { recordingTemplate, type RecordingPlace } from './options.ts';

const VARIABLE = /\[(\w+)\]/g;
/** Names may have slashes; the other variables are numbers. */
const NAMES = ['vhost', 'app', 'stream'];

/** Of which stream a file is, as far as its path tells; what it does not tell is empty. */
export function streamOfPath(places: readonly RecordingPlace[], path: string): StreamName {
  for (const { vhost, path: place } of places) {
    const groups = patternOf(recordingTemplate(place)).exec(resolve(path))?.groups;
    if (groups === undefined) continue;
    const { app = '', stream = '' } = groups;
    return { vhost: groups['vhost'] ?? vhost, app: decoded(app), stream: decoded(stream) };
  }
  return { vhost: '', app: '', stream: basename(path) };
}

function patternOf(template: string): RegExp {
  const seen = new Set<string>();
  const parts = resolve(template).split(VARIABLE);
  const text = parts.map((part, at) => {
    if (at % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    if (seen.has(part)) return '.+?';
    seen.add(part);
    return NAMES.includes(part) ? `(?<${part}>.+?)` : '\\d+';
  });
  return new RegExp(`^${text.join('')}$`);
}

/** As `expandPath` encodes names. */
function decoded(name: string): string {
  return name.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
