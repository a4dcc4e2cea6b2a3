// What a page shows when it has nothing, waits, or something went wrong.

import "./states.css";
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem";
import { Heading } from "./heading";
import { Icon, type IconName } from "./icons";

/** A problem in words, with its code for whoever is asked for help, and what can be done. */
export function ProblemNotice({ problem, children }: { problem: Problem; children?: ComponentChildren }) {
  return (
    <div class="notice notice-bad" role="alert" data-test="problem" data-code={problem.code}>
      <Icon name="alert" />
      <p>
        {problem.message}
        <span class="faint notice-code">{problem.code}</span>
      </p>
      <div>{children}</div>
    </div>
  );
}

/** A whole page that could not be had. */
export function ProblemPage({ problem, children }: { problem: Problem; children?: ComponentChildren }) {
  return (
    <main class="page page-narrow">
      <Heading hidden>Something went wrong</Heading>
      <ProblemNotice problem={problem}>{children}</ProblemNotice>
    </main>
  );
}

interface BlankProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}

/** A section that has nothing to show yet. */
export function Blank({ icon, title, children }: BlankProps) {
  return (
    <div class="blank" data-test="blank">
      <Icon name={icon} large />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A whole page that has nothing to show. */
export function BlankPage({ icon, title, children }: BlankProps) {
  return (
    <main class="page">
      <div class="blank" data-test="blank">
        <Icon name={icon} large />
        <Heading>{title}</Heading>
        {children}
      </div>
    </main>
  );
}

/** A whole page that is still on its way. */
export function Waiting({ label = "Loading" }: { label?: string }) {
  return (
    <main class="page">
      <div class="waiting" role="status" aria-label={label}>
        <div class="spinner" />
      </div>
    </main>
  );
}

/** `value` runs from 0 to 1. */
export function Bar({ value, label }: { value: number; label: string }) {
  const share = Math.min(1, Math.max(0, value));
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      data-test="progress"
    >
      <div class="bar-fill" style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}
