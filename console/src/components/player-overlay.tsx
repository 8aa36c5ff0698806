import type { ComponentChildren } from 'preact';
import type { LiveStream } from '../api/live.ts';
import { codecName } from '../model/format.ts';
import type { Problem } from '../players/engine.ts';
import type { PlaybackView } from '../players/playback-controller.ts';
import { t } from '../strings/index.ts';
import { Icon } from './icons.tsx';

interface PlayerOverlayProps {
  readonly view: PlaybackView;
  readonly stream: LiveStream;
  readonly onPlay: () => void;
  readonly onUnmute: () => void;
}

/** What lies over the picture: a word on what is going on, and the one button that matters at the moment. */
export function PlayerOverlay({ view, stream, onPlay, onUnmute }: PlayerOverlayProps) {
  switch (view.phase) {
    case 'playing':
      return (
        <>
          {!stream.hasVideo && (
            <Message quiet>
              <Icon name="note" />
              <p>{t.audioOnly}</p>
            </Message>
          )}
          {view.muted && stream.hasAudio && !view.soundless && (
            <button type="button" class="unmute" onClick={onUnmute}>
              <Icon name="muted" />
              {t.unmuteLong}
            </button>
          )}
        </>
      );
    case 'connecting':
      return <Waiting text={t.connecting} />;
    case 'buffering':
      return <Waiting text={t.buffering} />;
    case 'reconnecting':
      return <Waiting text={t.reconnecting} />;
    case 'preparing':
      return <Waiting text={t.preparing} />;
    case 'offline':
      return (
        <Message>
          <p class="strong">{t.offline}</p>
          <p>{t.offlineLong}</p>
        </Message>
      );
    case 'paused':
      return <BigPlay text={t.paused} onPlay={onPlay} />;
    case 'blocked':
      return <BigPlay text={t.blocked} onPlay={onPlay} />;
    case 'failed':
      return (
        <Message>
          <ProblemText problem={view.problem} stream={stream} />
          <button type="button" class="button" onClick={onPlay}>
            {t.tryAgain}
          </button>
        </Message>
      );
    case 'empty':
      return (
        <Message>
          <p class="strong">{t.nothingOffered}</p>
          <p>{t.nothingOfferedLong}</p>
        </Message>
      );
  }
}

function Message({ children, quiet }: { readonly children: ComponentChildren; readonly quiet?: boolean }) {
  return (
    <div class={quiet ? 'overlay overlay-clear' : 'overlay'} role="status">
      {children}
    </div>
  );
}

function Waiting({ text }: { readonly text: string }) {
  return (
    <Message>
      <span class="spinner" aria-hidden="true" />
      <p>{text}</p>
    </Message>
  );
}

function BigPlay({ text, onPlay }: { readonly text: string; readonly onPlay: () => void }) {
  return (
    <Message>
      <button type="button" class="big-play" aria-label={t.play} onClick={onPlay}>
        <Icon name="play" />
      </button>
      <p>{text}</p>
    </Message>
  );
}

function ProblemText({
  problem,
  stream,
}: {
  readonly problem: Problem | undefined;
  readonly stream: LiveStream;
}) {
  switch (problem?.code) {
    case 'browser':
      return <p class="strong">{t.problemBrowser}</p>;
    case 'format':
      return <p class="strong">{t.problemFormat}</p>;
    case 'video-codec':
    case 'audio-codec':
    case 'media':
    case 'network':
    case 'not-yet':
    case undefined: {
      const codec = problem?.code === 'audio-codec' ? stream.audioCodec : stream.videoCodec;
      return (
        <>
          <p class="strong">{t.problemCodec(codecName(codec ?? '?'))}</p>
          <p>{t.problemCodecLong}</p>
        </>
      );
    }
  }
}
