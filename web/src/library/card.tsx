// One title in a row of the library.

import type { Listed, Recommendation, Video } from "../api/types";
import { sentence } from "../api/problem";
import { isWorking, statusLine } from "../title/status";
import { Poster } from "../ui/poster";
import { Bar } from "../ui/states";
import { day, length } from "../ui/text";

export function VideoCard({ video, onChoose }: { video: Video; onChoose?: () => void }) {
  return (
    <a class="card" href={`/titles/${video.id}`} data-test="card" data-id={video.id} data-status={video.status} onClick={onChoose}>
      <Poster name={video.title} src={video.poster}>
        {video.status === "failed" ? <span class="tag tag-bad">Failed</span> : null}
        {isWorking(video) && video.playable ? <span class="tag">Playable</span> : null}
      </Poster>
      <p class="card-line faint">
        <span>{isWorking(video) ? statusLine(video) : video.failure ? sentence(video.failure.message) : released(video)}</span>
        <span>{video.duration_ms ? length(video.duration_ms) : null}</span>
      </p>
      {video.status === "encoding" ? <Bar value={video.progress} label={`Encoding ${video.title}`} /> : null}
    </a>
  );
}

function released(video: Video): string {
  return day(video.ready_at ?? video.created_at);
}

interface RecommendationCardProps {
  item: Recommendation;
  /** Where in its row, from 0. */
  place: number;
  /** Whether why it is there stands below it. */
  why: boolean;
  onChoose: () => void;
}

export function RecommendationCard({ item, place, why, onChoose }: RecommendationCardProps) {
  return (
    <a class="card" href={`/titles/${item.id}`} data-test="recommendation" data-id={item.id} data-place={place} onClick={onChoose}>
      <Poster name={item.title} src={item.poster} />
      <p class="card-line faint">
        <span>{why ? item.reason.message : null}</span>
        <span>{item.duration_ms ? length(item.duration_ms) : null}</span>
      </p>
    </a>
  );
}

export function ListedCard({ item }: { item: Listed }) {
  return (
    <a class="card" href={`/titles/${item.id}`} data-test="listed" data-id={item.id}>
      <Poster name={item.title} src={item.poster} />
      <p class="card-line faint">
        <span>{day(item.listed_at)}</span>
        <span>{item.duration_ms ? length(item.duration_ms) : null}</span>
      </p>
    </a>
  );
}
