// Signing in and signing up.

import "./pages.css";
import "../ui/header.css";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem";
import { signIn, signUp } from "../api/session";
import { Heading } from "../ui/heading";
import { ProblemNotice } from "../ui/states";

export function SignInPage() {
  return (
    <Door
      heading="Sign in"
      lead="Films from your own library, wherever you are."
      action="Sign in"
      submit={(form) => signIn(text(form, "email"), text(form, "password"))}
      aside={
        <p class="soft">
          New here? <a href="/sign-up">Make an account</a>
        </p>
      }
    >
      <Field label="E-mail">
        <input name="email" type="email" autocomplete="username" required data-test="email" />
      </Field>
      <Field label="Password">
        <input name="password" type="password" autocomplete="current-password" required data-test="password" />
      </Field>
    </Door>
  );
}

export function SignUpPage() {
  return (
    <Door
      heading="Make an account"
      lead="It takes a name, an address and a password."
      action="Make account"
      submit={(form) => signUp(text(form, "email"), text(form, "password"), text(form, "name"))}
      aside={
        <p class="soft">
          Have one already? <a href="/">Sign in</a>
        </p>
      }
    >
      <Field label="Name">
        <input name="name" type="text" autocomplete="name" required data-test="name" />
      </Field>
      <Field label="E-mail">
        <input name="email" type="email" autocomplete="username" required data-test="email" />
      </Field>
      <Field label="Password" hint="At least eight characters.">
        <input name="password" type="password" autocomplete="new-password" required data-test="password" />
      </Field>
    </Door>
  );
}

interface DoorProps {
  heading: string;
  lead: string;
  action: string;
  submit: (form: FormData) => Promise<void>;
  aside: ComponentChildren;
  children: ComponentChildren;
}

function Door({ heading, lead, action, submit, aside, children }: DoorProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await submit(new FormData(event.currentTarget as HTMLFormElement));
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <main class="door">
      <div class="door-card">
        <div class="wordmark">Marquee</div>
        <Heading>{heading}</Heading>
        <p class="soft">{lead}</p>
        <form class="stack" onSubmit={(event) => void onSubmit(event)} data-test="door">
          {children}
          {problem ? <ProblemNotice problem={problem} /> : null}
          <button class="button button-main button-large" type="submit" disabled={busy} data-test="submit">
            {busy ? "One moment" : action}
          </button>
        </form>
        {aside}
      </div>
    </main>
  );
}

function Field({ label, hint, children }: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span class="field-name">{label}</span>
      {children}
      {hint ? <p class="faint field-hint">{hint}</p> : null}
    </label>
  );
}

function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
