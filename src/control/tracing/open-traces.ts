import type { Context, Span, SpanKind, SpanStatusCode, Tracer } from '@opentelemetry/api';

/** What makes spans. */
export interface SpanMaker {
  readonly tracer: Tracer;
  /** Makes a span the parent of another one. */
  readonly withParent: (span: Span) => Context;
  /** The kinds of a session and of a request to a back end, and the status of what failed. */
  readonly kind: SpanKind;
  readonly callKind: SpanKind;
  readonly failed: SpanStatusCode;
}

/** Spans on their way to a collector. */
export interface OpenTraces extends SpanMaker {
  /** Sends what waits and closes. May take as long as the collector's timeout; never rejects. */
  close(): Promise<void>;
}

/**
 * Loads OpenTelemetry, which costs nothing where nobody wants traces, and sends spans to the collector of the environment. Its queue is
 * bounded (OTEL_BSP_MAX_QUEUE_SIZE, 2048 spans): beyond it spans are lost, and nothing waits for a collector.
 */
export async function openTraces(version: string, serviceId: string): Promise<OpenTraces> {
  const [api, { BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const { detectResources, envDetector, resourceFromAttributes } = resources;
  const own = resourceFromAttributes({
    'service.name': 'srs-ts',
    'service.version': version,
    'service.instance.id': serviceId,
  });
  const provider = new BasicTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })), // What the environment says counts.
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  return {
    tracer: provider.getTracer('srs-ts', version),
    kind: api.SpanKind.SERVER,
    callKind: api.SpanKind.CLIENT,
    failed: api.SpanStatusCode.ERROR,
    withParent: (span) => api.trace.setSpan(api.ROOT_CONTEXT, span),
    close: () => provider.shutdown().catch(() => undefined),
  };
}
