// One title in a row of the library.

import type { Recommendation, Video } from "../api/types";
import { sentence } from "../api/problem";
import { isWorking, statusLine } from "../title/status";
import { Poster } from "../ui/poster";
import { Bar } from "../ui/states";
import { length } from "../ui/text";

export function VideoCard({ video }: { video: Video }) {
  return (
    <a class="card" href={`/titles/${video.id}`} data-test="card" data-id={video.id} data-status={video.status}>
      <Poster name={video.title}>
        {video.status === "failed" ? <span class="tag tag-bad">Failed</span> : null}
        {isWorking(video) && video.playable ? <span class="tag">Playable</span> : null}
      </Poster>
      <div class="card-line">
        <span class="card-name">{video.title}</span>
        <span class="faint">{video.duration_ms ? length(video.duration_ms) : null}</span>
      </div>
      {isWorking(video) ? <p class="faint card-state">{statusLine(video)}</p> : null}
      {video.status === "encoding" ? <Bar value={video.progress} label={`Encoding ${video.title}`} /> : null}
    </a>
  );
}

export function RecommendationCard({ item }: { item: Recommendation }) {
  const reason = typeof item.reason === "string" ? item.reason : item.reason.message;
  return (
    <a class="card" href={`/titles/${item.id}`} data-test="recommendation" data-id={item.id}>
      <Poster name={item.title} />
      <div class="card-line">
        <span class="card-name">{item.title}</span>
      </div>
      <p class="faint card-state">{sentence(reason)}</p>
    </a>
  );
}
