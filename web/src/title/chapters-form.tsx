// For whoever may change the title: its chapters. Players mark them, and offer to pass over those that are called Intro or Credits.

import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem";
import type { Video } from "../api/types";
import { beginChange } from "../api/videos";
import { ProblemNotice } from "../ui/states";
import { chaptersOf, linesOf } from "./chapter-list";

/** `onChanged` is called once the title is about to be another one than `video` tells. */
export function ChaptersForm({ video, onChanged }: { video: Video; onChanged: () => void }) {
  const before = linesOf(video.chapters ?? []);
  const [text, setText] = useState(before);
  const [problem, setProblem] = useState<Problem | null>(null);
  const chapters = chaptersOf(text, video.duration_ms ?? 0);
  const save = (event: Event) => {
    event.preventDefault();
    setProblem(null);
    if (typeof chapters !== "string") {
      beginChange(video.id, { chapters }).then(onChanged, (error: unknown) => setProblem(asProblem(error)));
    }
  };
  return (
    <form class="notes" aria-label="Chapters" onSubmit={save} data-test="chapters">
      <h2>Chapters</h2>
      <label class="change-recipe chapters">
        <span>A line each: when it begins, and what it is called. Viewers may pass over those that are called Intro or Credits.</span>
        <textarea
          class="input"
          rows={5}
          value={text}
          placeholder={"0:00 Intro\n1:15 The harbour"}
          onInput={(event) => setText(event.currentTarget.value)}
          data-test="chapters-text"
        />
      </label>
      <div class="facts-end">
        <button class="button" disabled={text.trim() === before || typeof chapters === "string"} data-test="chapters-save">
          Save
        </button>
        <span class="soft" role="status">
          {/* What a film itself has may be more than lines can say, such as chapters in chapters. */}
          {typeof chapters === "string" && text !== before ? chapters : null}
        </span>
      </div>
      {problem ? <ProblemNotice problem={problem} /> : null}
    </form>
  );
}
