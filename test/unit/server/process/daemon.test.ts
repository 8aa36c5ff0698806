import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { foregroundReason } from '../../../../src/server/process/daemon.ts';

const CASES = [
  { name: 'a machine', why: undefined },
  { name: 'a container', container: '/.dockerenv', why: /inside a container \(\/\.dockerenv\)/ },
  { name: 'a container that may have daemons', container: '/.dockerenv', allowed: true, why: undefined },
  { name: 'process 1', pid: 1, allowed: true, why: /process 1/ },
  { name: 'Type=notify', env: { NOTIFY_SOCKET: '@sd' }, allowed: true, why: /waits for readiness/ },
  { name: 'Type=forking', env: { INVOCATION_ID: 'abc' }, why: undefined },
] as const;

suite('daemon on stays in the foreground', () => {
  for (const entry of CASES) {
    test(`${entry.name}: ${entry.why === undefined ? 'no' : 'yes'}`, () => {
      const reason = foregroundReason(
        { disableDaemonForDocker: !('allowed' in entry) },
        {
          pid: 'pid' in entry ? entry.pid : 1234,
          container: 'container' in entry ? entry.container : undefined,
          env: 'env' in entry ? entry.env : {},
        },
      );
      if (entry.why === undefined) assert.equal(reason, undefined);
      else assert.match(reason ?? '', entry.why);
    });
  }
});
