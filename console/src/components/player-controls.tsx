import type { PlaybackView } from '../players/playback-controller.ts';
import { t } from '../strings/index.ts';
import { Icon } from './icons.tsx';

interface PlayerControlsProps {
  readonly view: PlaybackView;
  readonly fullscreen: boolean;
  readonly onToggle: () => void;
  readonly onMute: () => void;
  readonly onVolume: (volume: number) => void;
  readonly onFullscreen: () => void;
}

export function PlayerControls(props: PlayerControlsProps) {
  const { view, fullscreen } = props;
  const stopped = view.phase === 'paused' || view.phase === 'failed' || view.phase === 'blocked';
  const playLabel = stopped ? t.play : t.pause;
  const muteLabel = view.muted ? t.unmute : t.mute;
  const sizeLabel = fullscreen ? t.exitFullscreen : t.fullscreen;
  const onInput = (event: Event & { readonly currentTarget: HTMLInputElement }): void =>
    props.onVolume(Number(event.currentTarget.value));
  return (
    <div class="controls">
      <button type="button" class="tool" aria-label={playLabel} title={playLabel} onClick={props.onToggle}>
        <Icon name={stopped ? 'play' : 'pause'} />
      </button>
      <button
        type="button"
        class="tool"
        aria-label={muteLabel}
        aria-pressed={view.muted}
        title={muteLabel}
        onClick={props.onMute}
      >
        <Icon name={view.muted ? 'muted' : 'loud'} />
      </button>
      <input
        class="volume"
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label={t.volume}
        value={view.muted ? 0 : view.volume}
        onInput={onInput}
      />
      <span class="grow" />
      <button
        type="button"
        class="tool"
        aria-label={sizeLabel}
        title={sizeLabel}
        onClick={props.onFullscreen}
      >
        <Icon name={fullscreen ? 'shrink' : 'enlarge'} />
      </button>
    </div>
  );
}
