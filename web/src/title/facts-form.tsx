// For whoever may change the title: what is known of it. Recommendations are made from that.

import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem";
import type { Video } from "../api/types";
import { editVideo } from "../api/videos";
import { ProblemNotice } from "../ui/states";
import { changes, formOf, type Form } from "./facts";

interface Field {
  name: keyof Form;
  label: string;
  hint?: string;
  /** Bounds of a number. */
  from?: number;
  to?: number;
  lengthMax?: number;
}

const FIELDS: Field[] = [
  { name: "genres", label: "Genres", hint: "Drama, Crime" },
  { name: "people", label: "People", hint: "Names, with commas between" },
  { name: "year", label: "Year", from: 1850, to: 2200 },
  { name: "language", label: "Language", hint: "en, pt-BR", lengthMax: 35 },
  { name: "maturity_age", label: "From age", from: 0, to: 21 },
];

/** `onChanged` is called once the title is another one than `video` tells. */
export function FactsForm({ video, onChanged }: { video: Video; onChanged: () => void }) {
  const [form, setForm] = useState(() => formOf(video.facts));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [saved, setSaved] = useState(false);
  const changed = changes(video.facts, form);
  const write = (name: keyof Form, text: string) => {
    setForm((before) => ({ ...before, [name]: text }));
    setSaved(false);
  };
  const save = (event: Event) => {
    event.preventDefault();
    setProblem(null);
    editVideo(video.id, changed).then(
      ({ facts }) => {
        setForm(formOf(facts));
        setSaved(true);
        onChanged();
      },
      (error: unknown) => setProblem(asProblem(error)),
    );
  };
  return (
    <form class="notes" aria-label="Facts" onSubmit={save} data-test="facts">
      <h2>Facts</h2>
      <div class="facts">
        {FIELDS.map((field) => (
          <FieldInput key={field.name} field={field} text={form[field.name]} onWrite={(text) => write(field.name, text)} />
        ))}
      </div>
      <div class="facts-end">
        <button class="button" disabled={Object.keys(changed).length === 0} data-test="facts-save">
          Save
        </button>
        <span class="soft" role="status">
          {saved ? "Saved" : null}
        </span>
      </div>
      {problem ? <ProblemNotice problem={problem} /> : null}
    </form>
  );
}

function FieldInput({ field, text, onWrite }: { field: Field; text: string; onWrite: (text: string) => void }) {
  const { name, label, hint, from, to, lengthMax } = field;
  const input = {
    class: "input",
    value: text,
    onInput: (event: { currentTarget: HTMLInputElement }) => onWrite(event.currentTarget.value),
    "data-test": `facts-${name}`,
  };
  return (
    <label class="change-recipe">
      <span>{label}</span>
      {from === undefined ? (
        <input type="text" placeholder={hint} maxLength={lengthMax} {...input} />
      ) : (
        <input type="number" min={from} max={to} step={1} {...input} />
      )}
    </label>
  );
}
