import type { Config } from '../config/index.ts';
import type { ServerAddresses } from './addresses.ts';

/** What a person at the terminal wants to know: where to look, how to publish, how to play. */
export function banner(addresses: ServerAddresses, config: Config): string {
  const rtmpPort = addresses.rtmp[0]?.port;
  const httpPort = addresses.http[0]?.port;
  if (rtmpPort === undefined) return '';
  const rtmp = `rtmp://localhost${rtmpPort === 1935 ? '' : `:${rtmpPort}`}/live`;
  const lines = ['', '  srs-ts is live.', ''];
  if (httpPort !== undefined && config.httpServer.page)
    lines.push(`  Look     http://localhost:${httpPort}/`, '');
  lines.push(
    `  Publish  OBS      Server ${rtmp}   Stream key mystream`,
    `           ffmpeg   ffmpeg -re -i input.mp4 -c:v libx264 -c:a aac -f flv ${rtmp}/mystream`,
    `  Play     ffplay   ffplay ${rtmp}/mystream`,
  );
  if (httpPort !== undefined)
    lines.push(`           HTTP     http://localhost:${httpPort}/live/mystream.flv`);
  const secure = [
    ...addresses.rtmps.slice(0, 1).map(({ port }) => `rtmps://localhost:${port}/live`),
    ...addresses.https.slice(0, 1).map(({ port }) => `https://localhost:${port}/`),
  ];
  if (secure.length > 0) lines.push(`  TLS      ${secure.join('   ')}`);
  const [api] = addresses.api;
  if (api !== undefined) lines.push(`  Manage   http://localhost:${api.port}/console/`);
  lines.push('', '  Ctrl-C ends it.', '', '');
  return lines.join('\n');
}
