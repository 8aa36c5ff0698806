export { DvrOutput, MAX_CLOSING_RECORDINGS } from './dvr-output.ts';
export type { DvrDeps, DvrStart } from './dvr-output.ts';
export { mendRecording } from './mend.ts';
export type { Mended } from './mend.ts';
export { appliesTo, recordingRoot } from './options.ts';
export type { DvrFormat, DvrOptions } from './options.ts';
export { MAX_HELD_BYTES } from './recording.ts';
export { MAX_RECORDING_NAMES, RecordingNames } from './recording-names.ts';
