export { EventMetrics } from './event-metrics.ts';
export { ExporterServer, type ExporterServerDeps } from './exporter-server.ts';
export { Metrics, type MetricsDeps, type MetricsOptions } from './metrics.ts';
