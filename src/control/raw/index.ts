/** The RAW API: the configuration over HTTP. */
export { rawAnswer, rawRole, type RawAnswerContext } from './raw-route.ts';
export type { RawChange, RawReport, RawSettings, RawSource, RawUpdate, RawUpdated } from './raw-source.ts';
