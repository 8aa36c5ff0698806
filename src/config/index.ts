/** The configuration: directive files in, frozen options out. */
export { currentFolder } from './current-folder.ts';
export { describeChange, describeDirective } from './describe-change.ts';
export { diffConfig, revertChanges } from './diff.ts';
export type { ConfigChange } from './diff.ts';
export { diffTexts } from './edit-diff.ts';
export { directiveAt, placesOf, type PlacedDirective } from './edit-layout.ts';
export {
  addDirective,
  appendBlock,
  applyEdits,
  removeDirective,
  setArguments,
  type TextEdit,
} from './edit.ts';
export { isApiToken } from './forms.ts';
export { matching } from './include.ts';
export { configSchema } from './json-schema.ts';
export { formatListen, parseListen } from './listen-address.ts';
export type { ListenAddress } from './listen-address.ts';
export { loadConfig, loadEnvironment, MAX_CONFIG_BYTES, parseConfig } from './load.ts';
export type { LoadedConfig, ParseOptions } from './load.ts';
export { ConfigError, formatProblem } from './problem.ts';
export type { ConfigProblem, Origin } from './problem.ts';
export { FILE_READER } from './reader.ts';
export type { ConfigReader, ReadResult } from './reader.ts';
export { configToJson, showConfig } from './show.ts';
export type { ConfigJson, ShowOptions } from './show.ts';
export type { Config, IngestConfig, VhostConfig } from './schema/root.ts';
