import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** Connects and resets while this process does not look: what it accepts afterwards has no peer any more. */
export function resetPeers(port: number, count: number): void {
  const script = `
    const { connect } = require('node:net');
    for (let left = ${count}; left > 0; left -= 1) {
      const socket = connect(${port}, '127.0.0.1', () => socket.resetAndDestroy());
    }`;
  assert.equal(spawnSync(process.execPath, ['-e', script]).status, 0);
}
