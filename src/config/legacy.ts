import type { Directive, Word } from './parser.ts';
import { copyOrigin, otherPlace, printable } from './problem.ts';
import type { Diagnostics } from './problem.ts';
import { suggest } from './suggest.ts';

/** One spelling of SRS 1 and 2 that is read as what took its place. */
export interface OldSpelling {
  /** As one would write it at the root or in a vhost. */
  readonly old: string;
  /** The same in the words of SRS 3; undefined when it is dropped. */
  readonly now: string | undefined;
}

interface Move {
  /** Block of the vhost and directive in it. */
  readonly to: readonly [block: string, name: string];
  /** The block needs `enabled on` when nothing but old spellings asks for it. */
  readonly enables?: true;
}

const moved = (block: string, ...names: string[]): [string, Move][] =>
  names.map((name) => [name, { to: [block, name] }]);

/** Directives of a vhost that stand in a block of it since SRS 3. */
const MOVES: ReadonlyMap<string, Move> = new Map<string, Move>([
  ...moved('play', 'time_jitter', 'mix_correct', 'atc', 'atc_auto', 'mw_latency', 'gop_cache'),
  ...moved('play', 'queue_length', 'send_min_interval', 'reduce_sequence_header'),
  ...moved('cluster', 'mode', 'origin', 'token_traverse', 'vhost', 'debug_srs_upnode'),
  ['publish_1stpkt_timeout', { to: ['publish', 'firstpkt_timeout'] }],
  ['publish_normal_timeout', { to: ['publish', 'normal_timeout'] }],
  ['refer', { to: ['refer', 'all'], enables: true }],
  ['refer_play', { to: ['refer', 'play'], enables: true }],
  ['refer_publish', { to: ['refer', 'publish'], enables: true }],
  ['forward', { to: ['forward', 'destination'], enables: true }],
]);

/** Blocks that only have another name, by where they stand. */
const ROOT_NAMES: ReadonlyMap<string, string> = new Map([['http_stream', 'http_server']]);
const VHOST_NAMES: ReadonlyMap<string, string> = new Map([['http', 'http_static']]);

/** vhost > mr, a block of SRS 2. */
const MERGED_READ: ReadonlyMap<string, string> = new Map([
  ['enabled', 'mr'],
  ['latency', 'mr_latency'],
]);

/** vhost > rtc of SRS 4: words that became switches, and the word that is on. */
const RTC_WORDS: ReadonlyMap<string, readonly [name: string, on: string]> = new Map([
  ['bframe', ['keep_bframe', 'keep']],
  ['aac', ['rtmp_to_rtc', 'transcode']],
] as const);

/** Every old spelling, for the documentation. */
export const OLD_SPELLINGS: readonly OldSpelling[] = [
  ...Array.from(ROOT_NAMES, ([old, now]) => ({ old: `${old} { … }`, now: `${now} { … }` })),
  ...Array.from(VHOST_NAMES, ([old, now]) => ({
    old: `vhost { ${old} { … } }`,
    now: `vhost { ${now} { … } }`,
  })),
  ...Array.from(MOVES, ([old, { to }]) => ({
    old: `vhost { ${old} …; }`,
    now: `vhost { ${inBlock(...to)} }`,
  })),
  { old: 'vhost { mr { enabled …; latency …; } }', now: 'vhost { publish { mr …; mr_latency …; } }' },
  { old: 'vhost { http_remux { hstrs …; } }', now: undefined },
  ...Array.from(RTC_WORDS, ([old, [now, on]]) => ({
    old: `vhost { rtc { ${old} ${on}; } }`,
    now: `vhost { rtc { ${now} on; } }`,
  })),
];

/**
 * Rewrites what SRS 1 and 2 wrote differently, with one warning each; where both spellings stand, the new one counts. Also
 * brings `rtmp { … }` of SRS 7 back to the root, without a warning.
 */
export function rewriteOldSpellings(
  tree: readonly Directive[],
  diagnostics: Diagnostics,
): readonly Directive[] {
  const root = renameBlocks(tree, ROOT_NAMES, '', diagnostics).map((node) =>
    node.name === 'vhost' && node.children !== undefined
      ? { ...node, children: rewriteVhost(node.children, diagnostics) }
      : node,
  );
  return unwrapRtmp(root, diagnostics);
}

/** SRS 7 has `listen` and `chunk_size` in a block `rtmp`. */
function unwrapRtmp(tree: readonly Directive[], diagnostics: Diagnostics): readonly Directive[] {
  const block = tree.find(({ name, children }) => name === 'rtmp' && children !== undefined);
  if (block?.children === undefined) return tree;
  const inner = block.children.filter((child) => {
    if (child.name === 'listen' || child.name === 'chunk_size') return true;
    unknown(child, 'rtmp', ['listen', 'chunk_size'], diagnostics);
    return false;
  });
  const firsts = firstByName(inner);
  const outer = tree.filter((node) => {
    const counts = firsts.get(node.name);
    if (counts === undefined) return node !== block;
    const message = `is ignored: ${otherPlace(counts, node)} has it in 'rtmp { … }', which counts`;
    diagnostics.warn(node, node.name, message);
    return false;
  });
  return [...inner, ...outer];
}

function rewriteVhost(nodes: readonly Directive[], diagnostics: Diagnostics): readonly Directive[] {
  const vhost = new VhostBlocks(diagnostics);
  for (const node of renameBlocks(nodes, VHOST_NAMES, 'vhost.', diagnostics)) {
    const move = MOVES.get(node.name);
    if (node.children === undefined && move !== undefined) vhost.move(node, move);
    else if (node.children === undefined) vhost.keep(node);
    else if (node.name === 'mr') vhost.mergedRead(node, node.children);
    else if (node.name === 'http_remux')
      vhost.keep({ ...node, children: dropHstrs(node.children, diagnostics) });
    else if (node.name === 'rtc') vhost.keep({ ...node, children: rtcSwitches(node.children, diagnostics) });
    else vhost.keep(node);
  }
  return vhost.result();
}

interface PendingMove {
  readonly node: Directive;
  readonly to: readonly [block: string, name: string];
  readonly enables: boolean;
  /** Undefined: what it was part of is told already. */
  readonly told: string | undefined;
}

/** The blocks of one vhost while old spellings are put into them. */
class VhostBlocks {
  readonly #diagnostics: Diagnostics;
  readonly #kept: Directive[] = [];
  readonly #moves: PendingMove[] = [];

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  keep(node: Directive): void {
    this.#kept.push(node);
  }

  move(node: Directive, { to, enables }: Move): void {
    this.#moves.push({ node, to, enables: enables === true, told: `'${inBlock(...to)}'` });
  }

  mergedRead(node: Directive, children: readonly Directive[]): void {
    warnOld(node, 'vhost.mr', "'publish { mr …; mr_latency …; }'", this.#diagnostics);
    for (const child of children) {
      const name = MERGED_READ.get(child.name);
      if (name === undefined) unknown(child, 'vhost.mr', [...MERGED_READ.keys()], this.#diagnostics);
      else this.#moves.push({ node: child, to: ['publish', name], enables: false, told: undefined });
    }
  }

  /** New blocks hold what was there plus what was moved. */
  result(): readonly Directive[] {
    const result = [...this.#kept];
    for (const block of new Set(this.#moves.map(({ to }) => to[0]))) {
      const at = result.findIndex(({ name, children }) => name === block && children !== undefined);
      const written = result[at]?.children ?? [];
      const firsts = firstByName(written);
      const added = this.#moves
        .filter(({ to }) => to[0] === block)
        .flatMap((move) => this.#apply(move, firsts));
      const [first] = added;
      if (first === undefined) continue;
      const needsSwitch = at === -1 && this.#moves.some(({ to, enables }) => to[0] === block && enables);
      const enabled = needsSwitch ? [{ ...leaf(first, 'enabled'), args: [word(first, 'on')] }] : [];
      const children = [...written, ...enabled, ...added];
      if (at === -1) result.push({ ...leaf(first, block), children });
      else result[at] = { ...leaf(result[at] ?? first, block), args: result[at]?.args ?? [], children };
    }
    return result;
  }

  #apply({ node, to, told }: PendingMove, written: ReadonlyMap<string, Directive>): readonly Directive[] {
    const counts = written.get(to[1]);
    const path = told === undefined ? `vhost.mr.${node.name}` : `vhost.${node.name}`;
    if (counts !== undefined) {
      const message = `is an old spelling and ignored: ${otherPlace(counts, node)} has the new one`;
      this.#diagnostics.warn(node, path, message, { expected: `only '${inBlock(...to)}'` });
      return [];
    }
    if (told !== undefined) warnOld(node, path, told, this.#diagnostics);
    return [{ ...node, name: to[1] }];
  }
}

function renameBlocks(
  nodes: readonly Directive[],
  names: ReadonlyMap<string, string>,
  prefix: string,
  diagnostics: Diagnostics,
): readonly Directive[] {
  const firsts = firstByName(nodes);
  return nodes.flatMap((node) => {
    const name = node.children === undefined ? undefined : names.get(node.name);
    if (name === undefined) return [node];
    const counts = firsts.get(name);
    if (counts === undefined) {
      warnOld(node, prefix + node.name, `'${name} { … }'`, diagnostics);
      return [{ ...node, name }];
    }
    const message = `is an old spelling and ignored: ${otherPlace(counts, node)} has the new one`;
    diagnostics.warn(node, prefix + node.name, message, { expected: `only '${name} { … }'` });
    return [];
  });
}

function dropHstrs(children: readonly Directive[], diagnostics: Diagnostics): readonly Directive[] {
  return children.filter((child) => {
    if (child.name !== 'hstrs') return true;
    diagnostics.warn(
      child,
      'vhost.http_remux.hstrs',
      'is an old directive and ignored: it is always on since SRS 3',
    );
    return false;
  });
}

function rtcSwitches(children: readonly Directive[], diagnostics: Diagnostics): readonly Directive[] {
  const firsts = firstByName(children);
  return children.flatMap((child) => {
    const [name, on] = RTC_WORDS.get(child.name) ?? [];
    if (name === undefined || child.children !== undefined) return [child];
    const counts = firsts.get(name);
    const value = child.args[0]?.text === on ? 'on' : 'off';
    warnOld(child, `vhost.rtc.${child.name}`, `'${name} ${value};'`, diagnostics);
    return counts === undefined ? [{ ...child, name, args: [word(child, value)] }] : [];
  });
}

function warnOld(node: Directive, path: string, expected: string, diagnostics: Diagnostics): void {
  diagnostics.warn(node, path, 'is an old spelling', { expected });
}

function unknown(node: Directive, block: string, names: readonly string[], diagnostics: Diagnostics): void {
  const near = suggest(node.name, names);
  const message = `there is no directive '${printable(node.name)}' here`;
  diagnostics.error(node, `${block}.${node.name}`, message, near === undefined ? {} : { suggestion: near });
}

/** A file may hold a million directives: they are looked up, not searched, when each of them is an old spelling. */
function firstByName(nodes: readonly Directive[]): ReadonlyMap<string, Directive> {
  const firsts = new Map<string, Directive>();
  for (const node of nodes) if (!firsts.has(node.name)) firsts.set(node.name, node);
  return firsts;
}

function inBlock(block: string, name: string): string {
  return `${block} { ${name} …; }`;
}

function leaf(at: Directive, name: string): Directive {
  return { ...copyOrigin(at), name, args: [], children: undefined };
}

function word({ line, column }: Directive, text: string): Word {
  return { text, line, column };
}
