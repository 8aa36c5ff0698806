import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, parseConfig } from '../../../src/config/index.ts';
import { environmentName } from '../../../src/config/environment.ts';
import { rewriteOldSpellings } from '../../../src/config/legacy.ts';
import { parseTree } from '../../../src/config/parser.ts';
import { Diagnostics } from '../../../src/config/problem.ts';
import { ROOT } from '../../../src/config/schema/root.ts';
import type { Rows } from '../../../src/config/schema/row.ts';

/**
 * Every name that a file of SRS may hold, written by hand from what SRS documents and not taken from the schema: a row that is
 * forgotten, or lost later, is seen here. One block a line: its path, then its directives with a value each.
 */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'SRS 3': {
    '': `listen 1935 [::]:1935; pid ./objs/srs.pid; chunk_size 60000; ff_log_dir ./objs; ff_log_level info; srs_log_tank file;
      srs_log_level trace; srs_log_file ./objs/srs.log; max_connections 1000; daemon on; utc_time off; pithy_print_ms 10000;
      work_dir ./; asprocess off; empty_ip_ok on; grace_start_wait 2300; grace_final_wait 3200; force_grace_quit off;
      disable_daemon_for_docker on; inotify_auto_reload off; auto_reload_for_docker on; query_latest_version on`,
    heartbeat:
      'enabled off; interval 9.3; url http://127.0.0.1:8085/api/v1/servers; device_id "my"; summaries off',
    stats: 'network 0; disk sda sdb',
    http_api: 'enabled on; listen 1985; crossdomain on',
    'http_api.raw_api': 'enabled on; allow_reload on; allow_query on; allow_update on',
    http_server: 'enabled on; listen 8080; dir ./objs/nginx/html; crossdomain on',
    stream_caster:
      'enabled on; caster rtsp; output rtmp://127.0.0.1/[app]/[stream]; listen 554; rtp_port_min 57200; rtp_port_max 57300',
    vhost: 'enabled on; min_latency on; tcp_nodelay on; chunk_size 128; in_ack_size 0; out_ack_size 2500000',
    'vhost.play': `gop_cache on; queue_length 30; time_jitter full; atc off; atc_auto off; mix_correct off; mw_latency 350;
      send_min_interval 10.0; reduce_sequence_header on`,
    'vhost.publish': 'mr off; mr_latency 350; firstpkt_timeout 20000; normal_timeout 7000; parse_sps on',
    'vhost.cluster': `mode remote; origin 127.0.0.1:1935 localhost; token_traverse off; vhost [vhost]; debug_srs_upnode on;
      origin_cluster on; coworkers 127.0.0.1:9091 127.0.0.1:9092`,
    'vhost.forward': 'enabled on; destination 127.0.0.1:1936 127.0.0.1',
    'vhost.refer': 'enabled on; all github.com; publish github.com; play github.com github.io',
    'vhost.security': 'enabled on; allow play all; allow publish 127.0.0.1; deny publish all; deny play ::1',
    'vhost.http_static': 'enabled on; mount [vhost]/; dir ./objs/nginx/html',
    'vhost.http_remux': 'enabled on; fast_cache 30; mount [vhost]/[app]/[stream].flv',
    'vhost.http_hooks': `enabled on; on_connect http://a/b http://c/d; on_close http://a; on_publish http://a; on_unpublish http://a;
      on_play http://a; on_stop http://a; on_dvr http://a; on_hls http://a; on_hls_notify http://a/[app]/[stream]/[ts_url][param]`,
    'vhost.exec':
      'enabled on; publish ./ffmpeg -f flv -i [url] -c copy -y ./[stream].flv > /dev/null 2> err; publish a',
    'vhost.dash': `enabled on; dash_fragment 30; dash_update_period 150; dash_timeshift 300; dash_path ./objs/nginx/html;
      dash_mpd_file [app]/[stream].mpd`,
    'vhost.hls': `enabled on; hls_fragment 10; hls_td_ratio 1.5; hls_aof_ratio 2.0; hls_window 60; hls_on_error continue; hls_path x;
      hls_m3u8_file [stream].m3u8; hls_ts_file [stream]-[seq].ts; hls_ts_floor off; hls_entry_prefix http://x; hls_acodec aac; hls_vcodec h264; hls_cleanup on;
      hls_dispose 0; hls_nb_notify 64; hls_wait_keyframe on; hls_keys on; hls_fragments_per_key 5; hls_key_file [stream]-[seq].key;
      hls_key_file_path x; hls_key_url x; hls_dts_directly on; hls_storage disk; hls_mount x`,
    'vhost.hds': 'enabled on; hds_fragment 10; hds_window 60; hds_path x',
    'vhost.dvr': `enabled on; dvr_apply all live/a; dvr_plan session; dvr_path x; dvr_duration 30; dvr_wait_keyframe on;
      time_jitter full`,
    'vhost.bandcheck': 'enabled on; key "35c9b402c12a7246868752e2878f7e0e"; interval 30; limit_kbps 4000',
    'vhost.ingest': 'enabled off; ffmpeg ./ffmpeg',
    'vhost.ingest.input': 'type file; url ./a.flv',
    'vhost.ingest.engine': 'enabled off; output rtmp://127.0.0.1:[port]/live?vhost=[vhost]/livestream',
    'vhost.transcode': 'enabled on; ffmpeg ./ffmpeg',
    'vhost.transcode.engine': `enabled on; iformat flv; vcodec libx264; vbitrate 1500; vfps 25; vwidth 768; vheight 320;
      vthreads 12; vprofile main; vpreset medium; acodec libfdk_aac; abitrate 70; asample_rate 44100; achannels 2; oformat flv;
      output rtmp://127.0.0.1:[port]/[app]?vhost=[vhost]/[stream]_[engine]`,
    'vhost.transcode.engine.perfile': 're; rtsp_transport tcp',
    'vhost.transcode.engine.vfilter': 'i ./logo.png; filter_complex "overlay=10:10"',
    'vhost.transcode.engine.vparams': 't 100; coder 1',
    'vhost.transcode.engine.aparams': 'profile:a aac_low',
  },
  'SRS 4': {
    '': 'server_id srs-ie193id; in_docker off; is_full on; first_wait_for_qlv 300; tcmalloc_release_rate 0.8',
    circuit_breaker: `enabled on; high_threshold 90; high_pulse 2; critical_threshold 95; critical_pulse 1; dying_threshold 99;
      dying_pulse 5`,
    stats: 'enabled on',
    'http_api.https': 'enabled on; listen 1990; key ./conf/server.key; cert ./conf/server.crt',
    'http_server.https': 'enabled on; listen 8088; key ./conf/server.key; cert ./conf/server.crt',
    rtc_server: `enabled on; listen 8000; candidate *; use_auto_detect_network_ip on; ip_family ipv4; api_as_candidates on;
      resolve_api_domain on; keep_api_domain off; ecdsa on; encrypt on; reuseport 1; merge_nalus off`,
    'rtc_server.black_hole': 'enabled off; addr 127.0.0.1:10000',
    srt_server: `enabled on; listen 10080; maxbw -1; connect_timeout 3000; peerlatency 0; recvlatency 0; default_app live;
      mix_correct on; sei_filter on; payloadsize 1316`,
    'vhost.rtc': `enabled on; nack on; nack_no_copy on; twcc on; stun_timeout 30; stun_strict_check on; dtls_role passive;
      dtls_version auto; drop_for_pt 0; rtmp_to_rtc off; keep_bframe off; rtc_to_rtmp off; pli_for_rtmp 6.0; bframe discard;
      aac discard`,
    'vhost.play': 'mw_msgs 8',
    'vhost.http_hooks': 'enabled on; on_publish https://127.0.0.1/api',
  },
  'SRS 5': {
    '': 'srs_log_level_v2 info',
    'http_api.auth': 'enabled on; username admin; password admin',
    exporter: 'enabled off; listen 9972; label cn-beijing; tag cn-edge',
    heartbeat: 'ports on',
    threads: 'interval 5',
    tencentcloud_cls: `enabled off; label cn-beijing; tag cn-edge; secret_id a; secret_key b; endpoint ap.example.com; topic c;
      debug_logging off; stat_heartbeat on; stat_streams on; heartbeat_ratio 1; streams_ratio 1`,
    tencentcloud_apm:
      'enabled off; team x; token y; endpoint ap.example.com:4317; service_name srs-server; debug_logging off',
    rtc_server: 'protocol udp',
    'rtc_server.tcp': 'enabled off; listen 8000',
    srt_server: `latency 120; mss 1500; peer_idle_timeout 10000; tsbpdmode on; tlpktdrop on; sendbuf 2000000; recvbuf 2000000;
      passphrase "xxxxxxxxxx"; pbkeylen 16`,
    'vhost.srt': 'enabled on; srt_to_rtmp on',
    'vhost.cluster': 'protocol rtmp; follow_client off',
    'vhost.forward': 'enabled on; backend http://127.0.0.1:8085/api/v1/forward',
    'vhost.play': 'gop_cache_max_frames 2500',
    'vhost.publish': 'try_annexb_first on; kickoff_for_idle 0',
    'vhost.http_remux': 'has_audio on; has_video on; guess_has_av on; drop_if_not_match on',
    'vhost.hls': 'enabled on; hls_ctx on; hls_ts_ctx on',
    'vhost.rtc': 'opus_bitrate 48000; aac_bitrate 48000; keep_avc_nalu_sei on',
    'vhost.security': 'enabled on; allow play 192.168.1.0/24; deny publish fe80::/10',
    stream_caster: 'enabled on; caster gb28181; output rtmp://127.0.0.1/live/[stream]; listen 9000',
    'stream_caster.sip': 'enabled on; listen 5060; timeout 2.1; reinvite 2.1; candidate *',
  },
  'SRS 6': { 'vhost.dash': 'enabled on; dash_window_size 5; dash_cleanup on; dash_dispose 120' },
  'SRS 7': {
    rtmp: 'listen 1935; chunk_size 60000',
    rtmps: 'enabled off; listen 1443 [::]:1443; key ./conf/server.key; cert ./conf/server.crt',
    rtsp_server: 'enabled off; listen 8554',
    'vhost.rtsp': 'enabled off; rtmp_to_rtsp off',
    'vhost.hls': `hls_use_fmp4 on; hls_fmp4_file [app]/[stream]-[seq].m4s; hls_init_file [app]/[stream]/init.mp4; hls_recover on;
      hls_master_m3u8_path_relative off; hls_key_url http://x/y?z=1`,
    srt_server: 'default_streamid "#!::r=live/livestream,m=publish"; default_mode publish',
    'vhost.rtc': 'init_rate_from_sdp off; keep_original_ssrc off',
  },
};

const ARGUMENTS: Readonly<Record<string, string>> = {
  vhost: ' v',
  ingest: ' i',
  transcode: ' live/a',
  engine: ' e',
};

for (const [version, blocks] of Object.entries(NAMES)) {
  for (const [path, directives] of Object.entries(blocks)) {
    test(`${version}: ${path === '' ? 'the root' : path} takes every name`, () => {
      const names = path === '' ? [] : path.split('.');
      const open = names.map((name) => `${name}${ARGUMENTS[name] ?? ''} {\n`).join('');
      const required = directives.startsWith('listen 1935') ? '' : 'listen 1935;\n';
      const text = `${required}${open}${directives};\n${'}'.repeat(names.length)}`;
      const { warnings } = parseConfig(text, 'x');
      // Nothing is misread: what is told is that a feature is missing, or that a spelling is old.
      const odd = warnings.filter(
        ({ message }) =>
          !/ it has no effect$|old spelling$|is every address of the machine$|has no \[stream\]|is the same name for/.test(
            message,
          ),
      );
      assert.deepEqual(odd.map(formatProblem), []);
    });
  }
}

test('the names above are all there is, but for our own', () => {
  const ours = ['rtmp_handshake_timeout', 'srs_log_format', 'http_server.page', 'http_server.live_memory'];
  ours.push('grace_drain_timeout', 'vhost.play.queue_max_size');
  ours.push('vhost.play.send_timeout', 'vhost.play.mw_adaptive', 'vhost.publish.hold_time');
  ours.push(
    'vhost.dash.dash_ctx',
    'vhost.dvr.dvr_public',
    'vhost.hls.hls_ll',
    'vhost.hls.hls_ll_part',
    'vhost.hls.hls_program_date_time',
  );
  ours.push('vhost.hls.hls_endlist', 'vhost.dvr.dvr_fmp4');
  for (const name of ['timeout', 'retries', 'fail_open', 'secret', 'tls_verify'])
    ours.push(`vhost.http_hooks.${name}`);
  for (const name of ['enabled', 'no_keyframe', 'no_media', 'silent_audio', 'interleave', 'low_bitrate'])
    ours.push(`vhost.health.${name}`);
  ours.push('vhost.health.unsteady_time', 'http_api.auth.token', 'http_api.auth.token_file');
  ours.push(
    'ban_file',
    'vhost.limits.max_clients',
    'vhost.limits.max_publishers',
    'vhost.limits.max_viewers',
  );
  ours.push('vhost.limits.max_streams', 'vhost.limits.max_clients_per_ip');
  ours.push('vhost.limits.max_viewers_per_stream');
  ours.push('http_hooks_spool', 'http_hooks_spool_size', 'http_hooks_spool_age');
  ours.push('trusted_proxies', 'proxy_protocol', 'proxy_header', 'max_connections_per_ip');
  for (const name of ['publish', 'play', 'sign_key', 'jwt_secret', 'jwt_key_file', 'jwks', 'jwks_refresh'])
    ours.push(`vhost.access.${name}`);
  for (const name of ['jwks_keep', 'jwt_issuer', 'jwt_audience', 'jwt_parameter', 'jwt_exp_required'])
    ours.push(`vhost.access.${name}`);
  for (const name of ['clock_skew', 'expire_sessions', 'one_time', 'stream_keys'])
    ours.push(`vhost.access.${name}`);
  ours.push('exporter.max_streams');
  ours.push('rtc_server.dir'); // A leftover that SRS accepts without a use for it.
  const known = new Set(ours);
  for (const blocks of Object.values(NAMES))
    for (const [path, directives] of Object.entries(blocks)) {
      const { directives: nodes } = parseTree(`${directives};`, 'x', new Diagnostics());
      for (const { name } of nodes) known.add(path === '' ? name : `${path}.${name}`);
    }
  const unknown: string[] = [];
  const walk = (rows: Rows, prefix: string): void => {
    for (const [name, row] of Object.entries(rows)) {
      if ('rows' in row) walk(row.rows, `${prefix}${name}.`);
      else if (row.type !== 'free' && !known.has(prefix + name) && !prefix.startsWith('vhost.ingest.engine'))
        unknown.push(prefix + name);
    }
  };
  walk(ROOT, '');
  assert.deepEqual(unknown, []);
});

test('no two directives have the same environment variable', () => {
  const seen = new Map<string, string>();
  const walk = (rows: Rows, path: readonly string[]): void => {
    for (const [name, row] of Object.entries(rows)) {
      const here = [...path, name];
      if ('rows' in row) walk(row.rows, here);
      else {
        const variable = environmentName(here);
        assert.match(variable, /^SRS_[A-Z0-9_]+$/);
        assert.equal(seen.get(variable), undefined, `${variable}: ${here.join('.')}`);
        seen.set(variable, here.join('.'));
      }
    }
  };
  walk(ROOT, []);
  assert.ok(seen.size > 300);
});

test('nothing of the table is an old spelling itself', () => {
  for (const [name, row] of Object.entries(ROOT.vhost.rows as Rows)) {
    if (!('rows' in row)) continue;
    const diagnostics = new Diagnostics();
    const inner = Object.keys(row.rows).map((key) => `${key} x;`);
    const { directives } = parseTree(`vhost v { ${name} { ${inner.join(' ')} } }`, 'x', diagnostics);
    assert.deepEqual(rewriteOldSpellings(directives, diagnostics), directives);
    assert.deepEqual(diagnostics.warnings, []);
  }
});
