// What the profile wants to see: its newest titles in a row of the library, and all of them on a page.

import { useEffect, useState } from "preact/hooks";
import { currentWatcher } from "../account/profile";
import { asProblem, type Problem } from "../api/problem";
import { myList } from "../api/taste";
import type { Listed } from "../api/types";
import { Heading } from "../ui/heading";
import { BlankPage, ProblemPage, Waiting } from "../ui/states";
import { ListedCard } from "./card";

/** Titles in the row of the library. */
const SHOWN = 4;

export function MyListRow() {
  const { items } = useMyList();
  // A row that cannot be had is no reason to trouble anybody: the library below is complete.
  if (!items || items.length === 0) return null;
  return (
    <section class="row" data-test="my-list">
      <h2>My list</h2>
      <div class="strip">
        {items.slice(0, SHOWN).map((item) => (
          <ListedCard key={item.id} item={item} />
        ))}
      </div>
      {items.length > SHOWN ? (
        <p class="more">
          <a class="button" href="/list">
            All of my list
          </a>
        </p>
      ) : null}
    </section>
  );
}

export function MyListPage() {
  const { items, problem } = useMyList();
  if (problem) return <ProblemPage problem={problem} />;
  if (!items) return <Waiting label="Loading your list" />;
  if (items.length === 0) {
    return (
      <BlankPage icon="plus" title="Nothing on your list">
        <p class="soft">Titles that you put on it are found here.</p>
        <a class="button button-main" href="/">
          To the library
        </a>
      </BlankPage>
    );
  }
  return (
    <main class="page" data-test="my-list-page">
      <section class="row">
        <Heading>My list</Heading>
        <div class="cards">
          {items.map((item) => (
            <ListedCard key={item.id} item={item} />
          ))}
        </div>
      </section>
    </main>
  );
}

function useMyList(): { items: Listed[] | null; problem: Problem | null } {
  const [items, setItems] = useState<Listed[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const watcher = currentWatcher();
  useEffect(() => {
    const stop = new AbortController();
    if (watcher) {
      myList(watcher, stop.signal).then(setItems, (error: unknown) => {
        if (!stop.signal.aborted) setProblem(asProblem(error));
      });
    }
    return () => stop.abort();
  }, [watcher?.profileId]);
  return { items, problem };
}
