import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { LiveStream } from '../api/live.ts';
import { usePlayback } from '../hooks/use-playback.ts';
import type { StreamAddresses } from '../model/addresses.ts';
import { codecName } from '../model/format.ts';
import type { TransportId } from '../model/transport.ts';
import { ENGINE_KINDS } from '../players/kinds.ts';
import { useTransport } from '../hooks/use-transport.ts';
import { t } from '../strings/index.ts';
import { PlayerControls } from './player-controls.tsx';
import { PlayerOverlay } from './player-overlay.tsx';
import { ReadingList } from './reading-list.tsx';
import { detourText, TransportSelect } from './transport-select.tsx';

interface PlayerPanelProps {
  readonly stream: LiveStream;
  readonly addresses: StreamAddresses;
  readonly reachable: boolean;
  /** What the address bar asks for. */
  readonly wanted: TransportId | undefined;
  readonly onTransport: (id: TransportId) => void;
  readonly onLost: () => void;
}

const PRESENCE = { live: 'live', waiting: 'held', idle: 'gone' } as const;

/** An iPhone can show only the video element itself in full screen. */
interface PhoneVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

export function PlayerPanel({ stream, addresses, reachable, wanted, onTransport, onLost }: PlayerPanelProps) {
  const { id, detour, offered } = useTransport(stream, addresses, wanted);
  const url = id === undefined ? undefined : addresses.by[id];
  const source =
    id === undefined || url === undefined
      ? undefined
      : { kind: ENGINE_KINDS[id], url, videoCodec: stream.videoCodec };
  const { video, still, view, controller } = usePlayback(
    source,
    reachable ? PRESENCE[stream.state] : 'gone',
    onLost,
  );
  const stage = useRef<HTMLDivElement>(null);
  const [fullscreen, setFullscreen] = useState(false);

  const toggle = useCallback(() => controller.current?.toggle(), []);
  const toggleMute = useCallback(() => {
    if (video.current !== null) controller.current?.setMuted(!video.current.muted);
  }, []);
  const toggleFullscreen = useCallback(() => {
    const phoneVideo: PhoneVideo | null = video.current;
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else if (document.fullscreenEnabled) void stage.current?.requestFullscreen();
    else phoneVideo?.webkitEnterFullscreen?.();
  }, []);

  useEffect(() => {
    const onChange = (): void => setFullscreen(document.fullscreenElement !== null);
    document.addEventListener('fullscreenchange', onChange);
    return () => document.removeEventListener('fullscreenchange', onChange);
  }, []);

  useEffect(() => {
    const actions: Readonly<Record<string, () => void>> = { ' ': toggle, m: toggleMute, f: toggleFullscreen };
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
      const action = actions[event.key.toLowerCase()];
      if (action === undefined || isOwnKey(event.target, event.key)) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  const name = `${stream.app}/${stream.stream}`;
  useEffect(() => {
    document.title = `${name} · srs-ts`;
  }, [name]);

  return (
    <section
      class="card player"
      id="player"
      tabIndex={-1}
      aria-label={`${t.player}: ${name}`}
      data-phase={view.phase}
    >
      <div class="stage" ref={stage}>
        <div class="screen">
          <video ref={video} playsInline muted aria-label={name} onClick={toggle} />
          <canvas ref={still} class="still" aria-hidden="true" width={0} height={0} />
          <PlayerOverlay
            view={view}
            stream={stream}
            onPlay={() => controller.current?.play()}
            onUnmute={() => controller.current?.setMuted(false)}
          />
        </div>
        <PlayerControls
          view={view}
          fullscreen={fullscreen}
          onToggle={toggle}
          onMute={toggleMute}
          onVolume={(volume) => controller.current?.setVolume(volume)}
          onFullscreen={toggleFullscreen}
        />
      </div>
      <div class="below">
        <h2 class="stream-title">
          {name}
          {stream.vhost !== '__defaultVhost__' && <span class="quiet"> @ {stream.vhost}</span>}
        </h2>
        <TransportSelect
          value={id}
          offered={offered}
          videoCodec={stream.videoCodec}
          onTransport={onTransport}
        />
        {detour !== undefined && id !== undefined && (
          <p class="quiet detour" role="status">
            {detourText(detour, id, stream)}
          </p>
        )}
        <ReadingList reading={view.reading} />
        {view.soundless && <p class="quiet">{t.problemSound(codecName(stream.audioCodec ?? ''))}</p>}
      </div>
    </section>
  );
}

/** True when the focused element uses the key itself: a space presses a button, letters go into fields. */
function isOwnKey(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest('select, textarea, input:not([type=range]), [contenteditable]') !== null) return true;
  return key === ' ' && target.closest('button, a, summary') !== null;
}
