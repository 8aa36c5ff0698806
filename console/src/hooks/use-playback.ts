import { useEffect, useRef, useState } from 'preact/hooks';
import {
  EMPTY_VIEW,
  PlaybackController,
  type PlaybackView,
  type Presence,
  type Source,
} from '../players/playback-controller.ts';

/** A playback controller on the two elements that it hands out refs for. */
export function usePlayback(source: Source | undefined, presence: Presence, onLost: () => void) {
  const video = useRef<HTMLVideoElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const controller = useRef<PlaybackController | undefined>(undefined);
  const [view, setView] = useState<PlaybackView>(EMPTY_VIEW);

  useEffect(() => {
    if (video.current === null || still.current === null) return undefined;
    const started = new PlaybackController({
      video: video.current,
      still: still.current,
      onView: setView,
      onLost,
    });
    controller.current = started;
    return () => {
      controller.current = undefined;
      started.close();
    };
  }, [onLost]);

  const url = source?.url;
  const kind = source?.kind;
  useEffect(() => {
    controller.current?.setPresence(presence);
    controller.current?.setSource(source);
    // `source` is a new object on every render; its address and kind tell whether it is another one.
  }, [url, kind, presence]);

  return { video, still, view, controller };
}
