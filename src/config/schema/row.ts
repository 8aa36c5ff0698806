import type { ListenAddress } from '../listen-address.ts';
import type { MissingFeature } from '../problem.ts';

/** How a changed value takes effect: read on use; applied by a reload handler; only at the next start. */
export type Reload = 'live' | 'hook' | 'restart';

interface RowBase {
  /** One sentence of documentation. */
  readonly doc: string;
  readonly reload: Reload;
  /** Says that the name and the value are checked, but that no option is made of them; without it, it does what it says. */
  readonly feature?: MissingFeature;
}

/** `on` or `off`. As SRS does it, default on = everything but `off` is on; default off = only `on` is on. */
export interface FlagRow extends RowBase {
  readonly type: 'flag';
  readonly default: boolean;
  /** Where SRS reads the text against its own rule. */
  readonly prefer?: 'on' | 'off';
}

/** A plain number. */
export interface NumberRow extends RowBase {
  readonly type: 'int' | 'float';
  /** The number picks one of the addresses of this machine. */
  readonly form?: 'local-address';
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}

/** A length of time. Default, range and option are in ms, whatever `unit` a bare number in the file has. */
export interface DurationRow extends RowBase {
  readonly type: 'duration';
  readonly unit: 'ms' | 's';
  readonly default: number;
  /** Parts of a millisecond make sense. */
  readonly fraction?: true;
  readonly min?: number;
  readonly max?: number;
}

/** An amount of bytes. */
export interface BytesRow extends RowBase {
  readonly type: 'bytes';
  /** `inherited`: the value of the root directive of the same name. */
  readonly default: number | 'inherited';
  readonly min?: number;
  readonly max?: number;
  /** Outside it the value is used all the same, with a warning. */
  readonly sane?: readonly [number, number];
}

/** One of a few words. */
export interface EnumRow extends RowBase {
  readonly type: 'enum';
  readonly values: readonly string[];
  /** One of `values`; the empty text is the option of a directive that need not choose (and it cannot be written). */
  readonly default: string;
  /** What every other word means (SRS knows one such directive). */
  readonly otherwise?: string;
}

/** One word. No word at all is the empty text. */
export interface TextRow extends RowBase {
  readonly type: 'text';
  readonly default: string;
  /** Not to be shown to everybody who may see the configuration: a password, a key. */
  readonly secret?: true;
  readonly notEmpty?: true;
  readonly form?: 'http-url';
}

/** Any number of words. */
export interface ListRow extends RowBase {
  readonly type: 'list';
  readonly default: readonly string[];
  /** What each word must look like. */
  readonly form?: 'http-url' | 'deciding-hook' | 'networks' | 'publish-proof' | 'play-proof';
}

/** A list that may be written several times; each one counts. */
export interface ListsRow extends RowBase {
  readonly type: 'lists';
  /** What the words of one directive must look like together. */
  readonly form?: 'access-rule' | 'api-token' | 'sign-key' | 'jwt-secret';
  /** All words but the first one are not to be shown to everybody who may see the configuration. */
  readonly secret?: true;
}

/** One address to listen on. */
export interface ListenRow extends RowBase {
  readonly type: 'listen';
  /** Port on every address. */
  readonly default: number;
}

/** Addresses to listen on. */
export interface ListensRow extends RowBase {
  readonly type: 'listens';
  /** Port on every address; without a default the directive must be there. */
  readonly default?: number;
}

/** A block that counts once. */
export interface BlockRow extends RowBase {
  readonly type: 'block';
  readonly rows: Rows;
}

/** A block that may be written several times, with a name or an id behind it. */
export interface BlocksRow extends RowBase {
  readonly type: 'blocks';
  readonly rows: Rows;
  readonly argument: { readonly option: string; readonly required: boolean };
}

/** A block of names that are not ours (options of ffmpeg). */
export interface FreeRow extends RowBase {
  readonly type: 'free';
}

export type Row =
  | FlagRow
  | NumberRow
  | DurationRow
  | BytesRow
  | EnumRow
  | TextRow
  | ListRow
  | ListsRow
  | ListenRow
  | ListensRow
  | BlockRow
  | BlocksRow
  | FreeRow;

/** The directives of one block, by name. */
export type Rows = Readonly<Record<string, Row>>;

type Camel<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

type Suffixed<K extends string, R> = R extends { type: 'duration' }
  ? K extends `${string}Ms`
    ? K
    : `${K}Ms`
  : R extends { type: 'bytes' }
    ? `${K}Bytes`
    : R extends { type: 'blocks' | 'lists' }
      ? `${K}s`
      : K;

type OptionKey<K, R> = R extends { feature: MissingFeature } ? never : Suffixed<Camel<K & string>, R>;

type OptionValue<R> = R extends { type: 'flag' }
  ? boolean
  : R extends { type: 'int' | 'float' | 'duration' | 'bytes' }
    ? number
    : R extends { type: 'enum'; values: readonly (infer V)[]; default: infer D }
      ? V | D
      : R extends { type: 'text' }
        ? string
        : R extends { type: 'list' }
          ? readonly string[]
          : R extends { type: 'lists' }
            ? readonly (readonly string[])[]
            : R extends { type: 'listen' }
              ? ListenAddress
              : R extends { type: 'listens' }
                ? readonly ListenAddress[]
                : R extends { type: 'block'; rows: infer C }
                  ? Options<C>
                  : R extends { type: 'blocks'; rows: infer C; argument: { option: infer A } }
                    ? readonly (Options<C> & { readonly [N in A & string]: string })[]
                    : unknown;

/**
 * The options that a table of rows stands for: `mw_latency` of type duration is `mwLatencyMs`, sizes end in `Bytes`,
 * repeatable blocks are arrays with an `s`.
 */
export type Options<T> = { readonly [K in keyof T as OptionKey<K, T[K]>]: OptionValue<T[K]> };

/** The name of a row's option, as the type `Options` has it. */
export function optionKey(name: string, row: Row): string {
  const key = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  if (row.type === 'duration') return key.endsWith('Ms') ? key : `${key}Ms`;
  if (row.type === 'bytes') return `${key}Bytes`;
  return row.type === 'blocks' || row.type === 'lists' ? `${key}s` : key;
}
