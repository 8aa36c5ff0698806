export { SessionTracer } from './session-tracer.ts';
export { tracingProblem, wantsTraces } from './tracing-options.ts';
export { openTraces, type OpenTraces } from './open-traces.ts';
