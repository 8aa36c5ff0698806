import path from 'node:path';
import { MAX_CONFIG_DEPTH, parseTree } from './parser.ts';
import type { Directive, Word } from './parser.ts';
import { copyOrigin, printable } from './problem.ts';
import type { Diagnostics, Origin } from './problem.ts';
import type { ConfigReader } from './reader.ts';

/** Files that include files that include files. */
export const MAX_INCLUDE_DEPTH = 8;
/** Files that one configuration asks for; one that is included twice counts twice, and so does one that is not there. */
export const MAX_INCLUDED_FILES = 256;

/** What including files needs to know. */
export interface IncludeContext {
  readonly reader: ConfigReader;
  readonly diagnostics: Diagnostics;
  /** Where relative paths start from that are not found beside the including file. Absolute. */
  readonly cwd: string;
  /** How many bytes all included files may have together. */
  readonly maxBytes: number;
}

/** A tree without `include`. */
export interface IncludedTree {
  readonly directives: readonly Directive[];
  /** Absolute paths of the named file and of the included ones, each once. */
  readonly files: readonly string[];
  /** False when blocks of an included file do not close: what the tree says about scopes cannot be trusted then. */
  readonly sound: boolean;
  /** False when a file could not be read: what seems to be missing may be in it. */
  readonly complete: boolean;
}

/** Puts the directives of included files in the place of `include FILE …;`. `file` is what the tree was read from. */
export function expandIncludes(
  tree: readonly Directive[],
  file: string,
  context: IncludeContext,
): IncludedTree {
  const includer = new Includer(context);
  const main = path.resolve(context.cwd, file);
  includer.files.add(main);
  const directives = includer.expand(tree, { file, open: [main], depth: 0 });
  return { directives, files: [...includer.files], sound: includer.sound, complete: includer.complete };
}

interface Place {
  /** The file as messages call it. */
  readonly file: string;
  /** Absolute paths of the files that are being read, the outermost first. */
  readonly open: readonly string[];
  /** Blocks around, over all files. */
  readonly depth: number;
}

class Includer {
  readonly files = new Set<string>();
  sound = true;
  complete = true;
  readonly #context: IncludeContext;
  #bytesLeft: number;
  #inclusions = 0;

  constructor(context: IncludeContext) {
    this.#context = context;
    this.#bytesLeft = context.maxBytes;
  }

  expand(nodes: readonly Directive[], place: Place): readonly Directive[] {
    return nodes.flatMap((node) => {
      if (node.name === 'include') return this.#include(node, place);
      if (node.children === undefined) return [node];
      if (place.depth < MAX_CONFIG_DEPTH)
        return [{ ...node, children: this.expand(node.children, { ...place, depth: place.depth + 1 }) }];
      this.#context.diagnostics.error(
        node,
        node.name,
        `more than ${MAX_CONFIG_DEPTH} blocks inside each other`,
      );
      return [];
    });
  }

  #include(node: Directive, place: Place): readonly Directive[] {
    if (node.children !== undefined) return this.#fail(node, 'is not a block', "'include FILE;'");
    if (node.args.length === 0) return this.#fail(node, 'has no value', 'one or more files');
    return node.args.flatMap((word) => this.#word(node, word, place));
  }

  #word(node: Directive, word: Word, place: Place): readonly Directive[] {
    const at = { ...copyOrigin(node), line: word.line, column: word.column };
    if (!path.basename(word.text).includes('*')) return this.#file(word.text, at, place);
    if (!this.#mayAsk(at)) return [];
    return this.#matching(word.text, place.file).flatMap((name) => this.#file(name, at, place));
  }

  /** Whether another file may be looked for; that it may not is told once. */
  #mayAsk(at: Origin): boolean {
    if (this.#inclusions === MAX_INCLUDED_FILES) this.#fail(at, `more than ${MAX_INCLUDED_FILES} files`);
    return this.#inclusions++ < MAX_INCLUDED_FILES;
  }

  #file(name: string, at: Origin, place: Place): readonly Directive[] {
    if (place.open.length > MAX_INCLUDE_DEPTH)
      return this.#fail(at, `more than ${MAX_INCLUDE_DEPTH} files include each other`);
    if (!this.#mayAsk(at)) return [];
    for (const shown of this.#candidates(name, place.file)) {
      const absolute = path.resolve(this.#context.cwd, shown);
      this.#context.diagnostics.asked.add(absolute);
      if (place.open.includes(absolute))
        return this.#fail(at, `'${printable(name)}' is being read already: a file cannot include itself`);
      const result = this.#context.reader.read(absolute, this.#bytesLeft);
      if (!result.ok && result.reason === 'missing') continue;
      if (!result.ok) {
        const large = result.reason === 'too-large';
        const why = large ? 'makes the configuration too large' : result.why;
        return this.#fail(at, `'${printable(name)}' ${why}`);
      }
      this.#bytesLeft -= result.bytes;
      this.files.add(absolute);
      const parsed = parseTree(result.text, shown, this.#context.diagnostics, at);
      if (!parsed.sound) this.sound = false;
      return this.expand(parsed.directives, {
        file: shown,
        open: [...place.open, absolute],
        depth: place.depth,
      });
    }
    return this.#fail(
      at,
      `there is no file '${printable(name)}'`,
      'a path from the folder of this file or from the working directory',
    );
  }

  /** Where a file may be, as messages call it: beside the including file, else (as SRS has it) in the working directory. */
  #candidates(name: string, includedBy: string): readonly string[] {
    if (path.isAbsolute(name)) return [name];
    const beside = path.join(path.dirname(includedBy), name);
    const inWorkDir = path.normalize(name);
    return beside === inWorkDir ? [beside] : [beside, inWorkDir];
  }

  /** The files that a pattern stands for, in the order of their names; there may be none, as in a folder `conf.d`. */
  #matching(pattern: string, includedBy: string): readonly string[] {
    const { base, dir } = path.parse(pattern);
    for (const folder of this.#candidates(dir, includedBy)) {
      const absolute = path.resolve(this.#context.cwd, folder);
      this.#context.diagnostics.asked.add(path.join(absolute, base));
      const found = matching(this.#context.reader.list(absolute), base);
      if (found.length > 0) return found.map((name) => path.join(dir, name));
    }
    return [];
  }

  #fail(at: Origin, message: string, expected?: string): readonly Directive[] {
    this.complete = false;
    this.#context.diagnostics.error(at, 'include', message, expected === undefined ? {} : { expected });
    return [];
  }
}

/** The names that a pattern such as `*.conf` stands for, in order. Hidden files are none of them. */
export function matching(names: readonly string[], pattern: string): readonly string[] {
  return names.filter((name) => !name.startsWith('.') && matches(name, pattern)).toSorted();
}

/** Whether a name fits a pattern in which `*` stands for any text. Takes no more than name × pattern steps. */
function matches(name: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let p = 0;
  while (at < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = at;
    } else if (pattern[p] === name[at]) {
      p++;
      at++;
    } else if (star !== -1) {
      p = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
