// What a video's status means to the people who wait for it.

import type { Status, Video } from "../api/types";
import { percent } from "../ui/text";

/** The step that the video is in, in words that stay the same for as long as it lasts. */
export function stepName(video: Video): string {
  return stepOf(video.status);
}

/** The same of what is about to take a video's place. */
export function stepOf(status: Status): string {
  switch (status) {
    case "created":
      return "Waiting for its file";
    case "uploading":
      return "Uploading";
    case "uploaded":
      return "Uploaded, waiting for a worker";
    case "inspecting":
      return "Looking at the file";
    case "encoding":
      return "Encoding";
    case "publishing":
      return "Checking and publishing";
    case "ready":
      return "Ready";
    case "failed":
      return "Failed";
  }
}

/** The status in a few words: the step, and how far it is where that is known. */
export function statusLine(video: Video): string {
  return video.status === "encoding" ? `${stepName(video)}, ${percent(video.progress)}` : stepName(video);
}

/** Steps on the way to a title, with where the video stands: what is behind it, where it is, what is ahead. */
export function steps(video: Video): { name: string; state: "done" | "now" | "ahead" }[] {
  const at = { created: 0, uploading: 0, uploaded: 1, inspecting: 1, encoding: 2, publishing: 3, ready: 4, failed: -1 }[
    video.status
  ];
  return ["Upload", "Inspect", "Encode", "Publish"].map((name, index) => ({
    name,
    state: index < at ? "done" : index === at ? "now" : "ahead",
  }));
}

/** Whether workers still have something to do for it. */
export function isWorking(video: Video): boolean {
  return video.status !== "ready" && video.status !== "failed";
}
