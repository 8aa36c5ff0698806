/**
 * Microseconds of the machine's monotonic clock. The same in every process of one machine, so a stamp that one process
 * wrote can be compared in another.
 */
export function nowMicros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanos / 1000);
}
