import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, type Config } from '../../../src/config/index.ts';
import { SessionRegistry } from '../../../src/control/sessions/index.ts';
import type { AccessAction, AccessGrant, AccessPolicy } from '../../../src/hub/ports.ts';
import { AccessControl } from '../../../src/server/access.ts';
import { VhostTable } from '../../../src/server/vhost-table.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';

/** The access control of a configuration, with a policy of an embedder at the end. */
class Stage {
  config: Config;
  readonly clock = new ManualClock();
  readonly control: AccessControl;
  readonly chain: AccessPolicy;
  /** Streams that the embedder was asked about. */
  readonly heard: string[] = [];
  grant: AccessGrant | undefined;

  constructor(vhosts: string) {
    this.config = this.#read(vhosts);
    const { clock } = this;
    const unixTime = (): number => 1_700_000_000_000;
    this.control = new AccessControl({
      clock,
      unixTime,
      logger: new MemoryLogger(),
      sessions: new SessionRegistry({ clock, unixTime, exists: () => true }),
      vhosts: new VhostTable(() => this.config),
      config: () => this.config,
    });
    this.chain = this.control.chain([
      {
        check: ({ stream = '' }) => {
          this.heard.push(stream);
          return Promise.resolve(this.grant);
        },
      },
    ]);
  }

  reload(vhosts: string): void {
    this.config = this.#read(vhosts);
  }

  /** Asks as an endpoint does, and lets the session begin where `begins`. */
  async ask(action: AccessAction, stream: string, id = 'x', begins = false): Promise<string> {
    const session = { id, ip: '10.0.0.1', type: 'test', close: () => undefined };
    const request = { action, session, vhost: 'v', app: 'live', stream, params: '' };
    const answer = await this.chain.check(request).then(
      () => 'yes',
      (error: unknown) => (error as { code: string }).code,
    );
    if (begins && answer === 'yes')
      for (const observer of this.control.observers)
        observer.playStarted?.(
          { vhost: 'v', app: 'live', stream: this.grant?.stream ?? stream },
          session,
          undefined as never,
        );
    this.chain.settled?.(session);
    return answer;
  }

  #read(vhosts: string): Config {
    return parseConfig(`listen 1935; ban_file ""; ${vhosts}`, 'x').config;
  }
}

test('the embedder and the back end hear only of those whom all rules let in', async () => {
  const stage = new Stage('vhost v { security { enabled on; deny play all; } limits { max_clients 1; } }');
  assert.equal(await stage.ask('play', 'a'), 'SECURITY_DENIED');
  assert.equal(await stage.ask('publish', 'a', 'x', true), 'yes');
  assert.equal(await stage.ask('publish', 'b', 'y'), 'LIMIT_EXCEEDED');
  stage.control.bans.add({ ip: '10.0.0.0/8' });
  assert.equal(await stage.ask('play', 'a'), 'BANNED', 'bans come first');
  assert.equal(await stage.ask('connect', ''), 'BANNED');
  assert.deepEqual(stage.heard, ['a']);
});

test('who has no token hears so, and learns nothing of who else is there', async () => {
  const access = 'access { play signed; sign_key k a-secret-of-thirty-two-characters; }';
  const stage = new Stage(`vhost v { limits { max_viewers 1; max_clients_per_ip 1; } }`);
  assert.equal(await stage.ask('play', 'a', 'one', true), 'yes');
  stage.reload(`vhost v { limits { max_viewers 1; max_clients_per_ip 1; } ${access} }`);
  assert.equal(await stage.ask('play', 'a', 'two'), 'TOKEN_MISSING');
});

test('bans and limits hold also for the name that a stream gets last', async () => {
  const stage = new Stage('vhost v { limits { max_viewers_per_stream 1; } }');
  stage.grant = { stream: 'public' };
  const { ban } = stage.control.bans.add({ stream: 'v/live/public', action: 'play' });
  assert.equal(await stage.ask('play', 'key-1'), 'BANNED');
  stage.control.bans.lift(ban.id);
  assert.equal(await stage.ask('play', 'key-1', 'one', true), 'yes');
  assert.equal(await stage.ask('play', 'key-2', 'two', true), 'LIMIT_EXCEEDED');
  stage.grant = undefined;
  assert.equal(await stage.ask('play', 'key-1', 'two', true), 'yes');
  assert.deepEqual(stage.heard, ['key-1', 'key-1', 'key-2', 'key-1']);
});

test('a reload changes rules at once; a vhost that is gone has none', async () => {
  const stage = new Stage('vhost v { }');
  assert.equal(await stage.ask('play', 'a'), 'yes');
  stage.reload('vhost v { refer { enabled on; all example.com; } }');
  assert.equal(await stage.ask('play', 'a'), 'REFER_DENIED');
  assert.equal(await stage.ask('connect', ''), 'REFER_DENIED');
  stage.reload('vhost w { security { enabled on; } }');
  assert.equal(await stage.ask('play', 'a'), 'yes');
});

test('files on the disk are guarded where a rule says who may play', () => {
  const stage = new Stage(
    'vhost v { } vhost s { security { enabled on; } } vhost r { refer { enabled on; play a.org; } } vhost l { limits { max_clients 1; } }',
  );
  const guarded = ['v', 's', 'r', 'l', 'none'].filter((vhost) => stage.chain.protects?.(vhost) === true);
  assert.deepEqual(guarded, ['s', 'r']);
});
