// A video as it is now, followed while it changes.

import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Video } from "../api/types";
import { followVideo } from "../api/videos";

export interface Followed {
  video: Video | null;
  /** What stands in the way of knowing more. */
  problem: Problem | null;
}

export function useVideo(id: string): Followed {
  const [followed, setFollowed] = useState<Followed>({ video: null, problem: null });
  useEffect(() => {
    const stop = new AbortController();
    setFollowed({ video: null, problem: null });
    void followVideo(
      id,
      stop.signal,
      (video) => setFollowed({ video, problem: null }),
      (problem) => {
        if (!stop.signal.aborted) setFollowed(({ video }) => ({ video: problem.status === 404 ? null : video, problem }));
      },
    );
    return () => stop.abort();
  }, [id]);
  return followed;
}
