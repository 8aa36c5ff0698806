export { FileIngest, startFileIngest } from './file-ingest.ts';
export type { FileIngestOptions, IngestPublisher, IngestTarget } from './file-ingest.ts';
