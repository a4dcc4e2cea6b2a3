// What a search finds: titles with the words that the address asks for.

import "../library/page.css";
import { useLocation } from "preact-iso/router";
import { useEffect, useRef, useState } from "preact/hooks";
import { currentProfile } from "../account/profile";
import { asProblem, type Problem } from "../api/problem";
import type { Page, Video } from "../api/types";
import { searchVideos } from "../api/videos";
import { VideoCard } from "../library/card";
import { useTeller } from "../taste/teller";
import { Heading } from "../ui/heading";
import { BlankPage, ProblemNotice, ProblemPage, Waiting } from "../ui/states";
import { searchClicks } from "./clicks";
import { wanted } from "./query";

export function SearchPage() {
  const q = wanted(useLocation().query["q"]);
  if (!q) {
    return (
      <BlankPage icon="search" title="What are you looking for?">
        <p class="soft">Titles are found by their names, their genres, and who made them or acts in them.</p>
      </BlankPage>
    );
  }
  return <Found key={q} q={q} />;
}

function Found({ q }: { q: string }) {
  const [found, setFound] = useState<Page<Video> | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const teller = useTeller(currentProfile()?.id ?? null);
  const clicks = useRef(searchClicks());
  const load = async (cursor: string | null, signal?: AbortSignal) => {
    try {
      const page = await searchVideos(q, cursor, signal);
      setFound((before) => ({ ...page, items: [...(before?.items ?? []), ...page.items] }));
      setProblem(null);
    } catch (error) {
      if (!signal?.aborted) setProblem(asProblem(error));
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    void load(null, stop.signal);
    return () => stop.abort();
  }, []);
  const choose = (id: string) => {
    const click = clicks.current(id, new Date());
    if (click) teller.now(click);
  };

  if (!found) return problem ? <ProblemPage problem={problem} /> : <Waiting label="Searching" />;
  if (found.items.length === 0) {
    return (
      <BlankPage icon="search" title={`Nothing found for “${q}”`}>
        <p class="soft">Look for fewer words, or for a genre or a name.</p>
        <a class="button button-main" href="/">
          To the library
        </a>
      </BlankPage>
    );
  }
  const next = found.next_cursor;
  return (
    <main class="page" data-test="found">
      <section class="row">
        <Heading>{`Found for “${q}”`}</Heading>
        <div class="cards">
          {found.items.map((video) => (
            <VideoCard key={video.id} video={video} onChoose={() => choose(video.id)} />
          ))}
        </div>
        {problem ? <ProblemNotice problem={problem} /> : null}
        {next ? (
          <p class="more">
            <button class="button" onClick={() => void load(next)}>
              Show more
            </button>
          </p>
        ) : null}
      </section>
    </main>
  );
}
