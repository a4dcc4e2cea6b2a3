// The API's video endpoints, and following one video while it changes.

import { request, send } from "./client";
import { asProblem, type Problem } from "./problem";
import { readEvents } from "./sse";
import type { Facts, Job, NewSubtitle, Order, Page, Playback, Subtitle, Video } from "./types";

/** Titles per page of the library. */
const PAGE_SIZE = 24;
/** Between two looks at a video whose event stream is closed. */
const POLL_MS = 2000;

export function listVideos(cursor: string | null, signal?: AbortSignal): Promise<Page<Video>> {
  return request(`/v1/videos?${pageQuery(cursor)}`, withSignal(signal));
}

/** Titles with all words of `q` in their names, genres or people. */
export function searchVideos(q: string, cursor: string | null, signal?: AbortSignal): Promise<Page<Video>> {
  const query = `q=${encodeURIComponent(q)}&${pageQuery(cursor)}`;
  return request(`/v1/videos?${query}`, withSignal(signal));
}

export function getVideo(id: string, signal?: AbortSignal): Promise<Video> {
  return request(`/v1/videos/${encodeURIComponent(id)}`, withSignal(signal));
}

/** `key` makes a repeated call harmless. */
export function createVideo(title: string, key: string): Promise<{ id: string }> {
  return request("/v1/videos", { method: "POST", body: { title }, headers: { "idempotency-key": key } });
}

/** Changes what is known of a video; what is left out stays as it is. */
export function editVideo(id: string, facts: Partial<Facts>): Promise<Video> {
  return request(`/v1/videos/${encodeURIComponent(id)}`, { method: "PATCH", body: { facts } });
}

export function deleteVideo(id: string): Promise<void> {
  return request(`/v1/videos/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Has a video encoded anew; it shows what it shows until that is ready. */
export function beginChange(id: string, order: Order): Promise<void> {
  return request(`/v1/videos/${encodeURIComponent(id)}/change`, { method: "POST", body: order });
}

/** Leaves a video as it is. */
export function giveUpChange(id: string): Promise<void> {
  return request(`/v1/videos/${encodeURIComponent(id)}/change`, { method: "DELETE" });
}

/** Lets another one of its posters stand for a video. */
export function choosePoster(id: string, time_ms: number): Promise<Video> {
  return request(`/v1/videos/${encodeURIComponent(id)}/poster`, { method: "PUT", body: { time_ms } });
}

export async function listSubtitles(id: string, signal?: AbortSignal): Promise<Subtitle[]> {
  const { items } = await request<{ items: Subtitle[] }>(`/v1/videos/${encodeURIComponent(id)}/subtitles`, withSignal(signal));
  return items;
}

export function addSubtitle(id: string, file: Blob, { language, forced, hearing_impaired }: NewSubtitle): Promise<Subtitle> {
  const query = `language=${encodeURIComponent(language)}&forced=${forced}&hearing_impaired=${hearing_impaired}`;
  return request(`/v1/videos/${encodeURIComponent(id)}/subtitles?${query}`, { method: "POST", file });
}

export function removeSubtitle(id: string, subtitle: string): Promise<void> {
  return request(`/v1/videos/${encodeURIComponent(id)}/subtitles/${encodeURIComponent(subtitle)}`, { method: "DELETE" });
}

export function openPlayback(id: string, profileId: string | null): Promise<Playback> {
  const body = profileId ? { profile_id: profileId } : {};
  return request(`/v1/videos/${encodeURIComponent(id)}/playback`, { method: "POST", body });
}

/** Starts again every job of the video that gave up. */
export async function retryFailedJobs(id: string): Promise<void> {
  const { items } = await request<{ items: Job[] }>(`/v1/videos/${encodeURIComponent(id)}/jobs`);
  for (const job of items.filter((candidate) => candidate.state === "dead")) {
    await request(`/v1/jobs/${encodeURIComponent(job.id)}/retry`, { method: "POST" });
  }
}

/** Whether nothing more will happen to the video by itself. */
export function isSettled(video: Video): boolean {
  return video.status === "failed" || isFinal(video);
}

/** Whether it is ready and nothing is about to take its place. */
function isFinal(video: Video): boolean {
  return video.status === "ready" && (!video.change || video.change.status === "failed");
}

/**
 * Calls `onVideo` with each state of the video until it is ready and changes no more, or `signal` fires: live over the event stream, by
 * polling where that does not work. `onProblem` hears what stands in the way; only a video that is gone ends it.
 */
export async function followVideo(
  id: string,
  signal: AbortSignal,
  onVideo: (video: Video) => void,
  onProblem: (problem: Problem) => void,
): Promise<void> {
  let done = false;
  const accept = (video: Video) => {
    done = isFinal(video);
    if (!signal.aborted) onVideo(video);
  };
  while (!done && !signal.aborted) {
    try {
      accept(await getVideo(id, signal));
      if (done) return;
      await readVideoEvents(id, signal, accept);
    } catch (error) {
      if (signal.aborted) return;
      const problem = asProblem(error);
      // The stream alone failing is no news for anybody: polling goes on.
      if (problem.code !== "unexpected") onProblem(problem);
      if (problem.status === 404 || problem.status === 403) return;
    }
    if (!done) await pause(POLL_MS, signal);
  }
}

async function readVideoEvents(id: string, signal: AbortSignal, accept: (video: Video) => void): Promise<void> {
  const stream = new AbortController();
  const stop = () => stream.abort();
  signal.addEventListener("abort", stop);
  try {
    const path = `/v1/videos/${encodeURIComponent(id)}/events`;
    const response = await send(path, { signal: stream.signal, headers: { accept: "text/event-stream" } });
    await readEvents(response, (event) => {
      if (event.name !== "video") return;
      const video = JSON.parse(event.data) as Video;
      accept(video);
      if (isFinal(video)) stop();
    });
  } catch (error) {
    if (!stream.signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish);
  });
}

function pageQuery(cursor: string | null): string {
  return `limit=${PAGE_SIZE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
