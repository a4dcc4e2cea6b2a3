// A video as it is now, followed while it changes.

import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Video } from "../api/types";
import { followVideo } from "../api/videos";

export interface Followed {
  video: Video | null;
  /** What stands in the way of knowing more. */
  problem: Problem | null;
  /** Follows it anew: one that is ready is not followed any more. */
  again: () => void;
}

export function useVideo(id: string): Followed {
  const [followed, setFollowed] = useState<Omit<Followed, "again">>({ video: null, problem: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setFollowed(({ video }) => ({ video: video?.id === id ? video : null, problem: null }));
    void followVideo(
      id,
      stop.signal,
      (video) => setFollowed({ video, problem: null }),
      (problem) => {
        if (!stop.signal.aborted) setFollowed(({ video }) => ({ video: problem.status === 404 ? null : video, problem }));
      },
    );
    return () => stop.abort();
  }, [id, round]);
  return { ...followed, again: () => setRound((before) => before + 1) };
}
