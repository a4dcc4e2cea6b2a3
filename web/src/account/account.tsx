// The account: who it is, and what may be recommended to each of its profiles.

import "./account.css";
import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem";
import { changeProfile } from "../api/profiles";
import { profileChanged, session } from "../api/session";
import type { Profile } from "../api/types";
import { Heading } from "../ui/heading";
import { ProblemNotice } from "../ui/states";
import { changedRules, rulesForm, type RulesForm } from "./rules";

export function AccountPage() {
  const now = session.value;
  if (now.state !== "signed-in") return null;
  const { id, name, email, profiles } = now.me;
  return (
    <main class="page page-narrow" data-test="account-page">
      <Heading>{name}</Heading>
      <p class="soft">{email}</p>
      {profiles.map((profile) => (
        <RulesOf key={profile.id} userId={id} profile={profile} />
      ))}
    </main>
  );
}

/** What is recommended to a profile, and what is not. */
function RulesOf({ userId, profile }: { userId: string; profile: Profile }) {
  const [form, setForm] = useState(() => rulesForm(profile));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [saved, setSaved] = useState(false);
  const changed = changedRules(profile, form);
  const write = (name: keyof RulesForm, text: string) => {
    setForm((before) => ({ ...before, [name]: text }));
    setSaved(false);
  };
  const save = (event: Event) => {
    event.preventDefault();
    setProblem(null);
    changeProfile(userId, profile, changed).then(
      (now) => {
        profileChanged(now);
        setForm(rulesForm(now));
        setSaved(true);
      },
      (error: unknown) => setProblem(asProblem(error)),
    );
  };
  return (
    <form class="rules stack" aria-label={`Rules of ${profile.name}`} onSubmit={save} data-test="rules">
      <h2>{profile.name}</h2>
      <label class="field">
        <span class="field-name">Recommend up to age</span>
        <input
          type="number"
          min={0}
          max={21}
          step={1}
          placeholder="Any age"
          value={form.maturity_age_max}
          onInput={(event) => write("maturity_age_max", event.currentTarget.value)}
          data-test="rules-age"
        />
        <p class="faint field-hint">With an age, titles that were not rated are not recommended either.</p>
      </label>
      <label class="field">
        <span class="field-name">Genres not to recommend</span>
        <input
          type="text"
          placeholder="Horror, War"
          value={form.genres_hidden}
          onInput={(event) => write("genres_hidden", event.currentTarget.value)}
          data-test="rules-genres"
        />
      </label>
      {problem ? <ProblemNotice problem={problem} /> : null}
      <div class="rules-end">
        <button class="button" disabled={Object.keys(changed).length === 0} data-test="rules-save">
          Save
        </button>
        <span class="soft" role="status">
          {saved ? "Saved" : null}
        </span>
      </div>
    </form>
  );
}
