// Preloaded (`--import`) into a Node.js server under test: measures its event loop, or profiles it, when asked over a unix
// socket. Costs nothing while nobody asks. Plain JavaScript: it runs inside programs that know no TypeScript.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const path = process.env.BENCH_AGENT;
// Children of the server inherit the variable and must not answer in its place.
delete process.env.BENCH_AGENT;

let histogram;
let utilization;
let session;

const ACTIONS = {
  'loop-start': (done) => {
    histogram = monitorEventLoopDelay({ resolution: 1 });
    histogram.enable();
    utilization = performance.eventLoopUtilization();
    done({});
  },
  'loop-stop': (done) => {
    histogram.disable();
    const load = performance.eventLoopUtilization(utilization);
    done({
      p99Ms: histogram.percentile(99) / 1e6,
      maxMs: histogram.max / 1e6,
      utilization: load.utilization,
    });
  },
  memory: (done) => done(process.memoryUsage()),
  'profile-start': (done) => {
    // Loaded only now: it takes some megabytes, which are not the server's.
    void import('node:inspector').then(({ Session }) => {
      session = new Session();
      session.connect();
      session.post('Profiler.enable', () => session.post('Profiler.start', () => done({})));
    });
  },
  'profile-stop': (done, file) => {
    session.post('Profiler.stop', (error, result) => {
      if (!error) writeFileSync(file, JSON.stringify(result.profile));
      session.disconnect();
      done({ file });
    });
  },
};

if (path) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      const [action, argument] = data.toString().trim().split(' ');
      ACTIONS[action]?.((result) => socket.end(JSON.stringify(result)), argument);
    });
  });
  server.on('error', () => undefined);
  server.listen(path);
  server.unref();
}
