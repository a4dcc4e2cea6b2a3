// What the profile may like of what is like a title.

import { useEffect, useState } from "preact/hooks";
import { currentProfile } from "../account/profile";
import { moreLike } from "../api/taste";
import type { Recommendations } from "../api/types";
import { RecommendationRow } from "../library/row";
import { useTeller } from "../taste/teller";

export function MoreLikeThis({ videoId }: { videoId: string }) {
  const profile = currentProfile();
  const [answer, setAnswer] = useState<Recommendations | null>(null);
  const teller = useTeller(profile?.id ?? null);
  useEffect(() => {
    const stop = new AbortController();
    if (profile) {
      // The title can be watched without them.
      moreLike(profile.id, videoId, stop.signal).then(setAnswer, () => undefined);
    }
    return () => stop.abort();
  }, [profile?.id, videoId]);
  if (!answer || answer.items.length === 0) return null;
  return <RecommendationRow title="More like this" answer={answer} teller={teller} />;
}
