// For whoever may change the title: the subtitles that came as files beside its film.

import { useEffect, useState } from "preact/hooks";
import { asProblem, sentence, type Problem } from "../api/problem";
import type { NewSubtitle, Subtitle, Video } from "../api/types";
import { addSubtitle, listSubtitles, removeSubtitle } from "../api/videos";
import { Icon } from "../ui/icons";
import { ProblemNotice } from "../ui/states";

/** What a file may hold. */
const KINDS = [
  { value: "all", name: "All that is said" },
  { value: "hearing_impaired", name: "With sounds, for the hard of hearing" },
  { value: "forced", name: "Only what everybody has to read" },
];

/** `onChanged` is called once the title is about to be another one than `video` tells. */
export function Subtitles({ video, onChanged }: { video: Video; onChanged: () => void }) {
  const [items, setItems] = useState<Subtitle[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [round, setRound] = useState(0);
  // What viewers have changes when a change is over.
  const state = `${video.status} ${video.change?.status ?? ""}`;
  useEffect(() => {
    const stop = new AbortController();
    listSubtitles(video.id, stop.signal).then(setItems, (error: unknown) => {
      if (!stop.signal.aborted) setProblem(asProblem(error));
    });
    return () => stop.abort();
  }, [video.id, state, round]);
  const attempt = (work: Promise<unknown>) => {
    setProblem(null);
    work.then(
      () => {
        setRound((before) => before + 1);
        onChanged();
      },
      (error: unknown) => setProblem(asProblem(error)),
    );
  };
  return (
    <section class="notes" aria-label="Subtitles" data-test="subtitles">
      <h2>Subtitles</h2>
      <ul>
        {items.map((item) => (
          <Line key={item.id} item={item} onRemove={() => attempt(removeSubtitle(video.id, item.id))} />
        ))}
      </ul>
      <Add onAdd={(file, said) => attempt(addSubtitle(video.id, file, said))} />
      {problem ? <ProblemNotice problem={problem} /> : null}
    </section>
  );
}

function Line({ item, onRemove }: { item: Subtitle; onRemove: () => void }) {
  const kind = item.forced ? ", only what everybody has to read" : item.hearing_impaired ? ", with sounds" : "";
  return (
    <li class="subtitle" data-test="subtitle" data-language={item.language} data-shown={item.shown}>
      <Icon name="text" />
      <div>
        {item.name}
        <span class="faint">
          {` ${item.language}${kind}, ${item.cues} cues of ${item.format}`}
          {item.shown ? null : ", on its way"}
        </span>
        {item.notes.map((note) => (
          <p key={note.message} class="faint">
            {sentence(note.message)}
          </p>
        ))}
      </div>
      <button class="button button-plain" onClick={onRemove} aria-label={`Remove ${item.name}`} data-test="subtitle-remove">
        Remove
      </button>
    </li>
  );
}

function Add({ onAdd }: { onAdd: (file: File, said: NewSubtitle) => void }) {
  const [language, setLanguage] = useState("");
  const [kind, setKind] = useState("all");
  const choose = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (file) onAdd(file, { language: language.trim(), forced: kind === "forced", hearing_impaired: kind === "hearing_impaired" });
    // The same file may be chosen once more, when it is mended.
    input.value = "";
  };
  return (
    <div class="change-line">
      <label class="change-recipe">
        <span>Language</span>
        <input
          class="input"
          value={language}
          placeholder="en, pt-BR"
          maxLength={35}
          onInput={(event) => setLanguage(event.currentTarget.value)}
          data-test="subtitle-language"
        />
      </label>
      <label class="change-recipe">
        <span>What it holds</span>
        <select class="input" value={kind} onChange={(event) => setKind(event.currentTarget.value)} data-test="subtitle-kind">
          {KINDS.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="button">
        Add a file
        <input
          class="hidden-visually"
          type="file"
          accept=".srt,.vtt,.ass,.ssa,.ttml,.xml,.dfxp"
          disabled={language.trim() === ""}
          onChange={(event) => choose(event.currentTarget)}
          data-test="subtitle-file"
        />
      </label>
    </div>
  );
}
