/** The standard variables of OpenTelemetry. */
export type TracingEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Whether the environment asks for traces: OTEL_TRACES_EXPORTER is `otlp`, or is not set and there is a collector. The SDK would be on
 * by default; a media server is not to look for a collector that nobody has named.
 */
export function wantsTraces(env: TracingEnvironment): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporters = (env['OTEL_TRACES_EXPORTER'] ?? '').split(',').map((word) => word.trim());
  if (exporters.includes('otlp')) return true;
  if (exporters.some((word) => word !== '')) return false;
  return [env['OTEL_EXPORTER_OTLP_ENDPOINT'], env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']].some(
    (endpoint) => endpoint !== undefined && endpoint !== '',
  );
}

/** What of the variables is not done here, for the log; undefined = nothing. */
export function tracingProblem(env: TracingEnvironment): string | undefined {
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? '';
  if (!wantsTraces(env) || protocol === '' || protocol === 'http/json') return undefined;
  return `OTEL_EXPORTER_OTLP_PROTOCOL ${JSON.stringify(protocol.slice(0, 32))} is not spoken: traces are sent as http/json`;
}
