// The library: what is recommended to the profile, what it put on its list, then every title, newest first.

import "./page.css";
import { useEffect, useState } from "preact/hooks";
import { mayUpload } from "../account/rights";
import { asProblem, type Problem } from "../api/problem";
import { session } from "../api/session";
import type { Video } from "../api/types";
import { isSettled, listVideos } from "../api/videos";
import { Heading } from "../ui/heading";
import { Blank, ProblemNotice, Waiting } from "../ui/states";
import { VideoCard } from "./card";
import { ForYou } from "./for-you";
import { MyListRow } from "./my-list";

/** Between two looks at the list while something on it changes. */
const REFRESH_MS = 4000;

interface Shelf {
  videos: Video[];
  next: string | null;
}

export function LibraryPage() {
  const [shelf, setShelf] = useState<Shelf | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = async (cursor: string | null, signal?: AbortSignal) => {
    try {
      const page = await listVideos(cursor, signal);
      setShelf((old) => joined(old, page.items, page.next_cursor, cursor !== null));
      setProblem(null);
    } catch (error) {
      if (!signal?.aborted) setProblem(asProblem(error));
    }
  };
  const changing = shelf !== null && shelf.videos.some((video) => !isSettled(video));
  useEffect(() => {
    const stop = new AbortController();
    void load(null, stop.signal);
    const timer = changing ? setInterval(() => void load(null, stop.signal), REFRESH_MS) : undefined;
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [changing]);

  if (!shelf && !problem) return <Waiting label="Loading the library" />;
  const next = shelf?.next ?? null;
  return (
    <main class="page" data-test="library">
      <Heading hidden>Library</Heading>
      {problem ? (
        <ProblemNotice problem={problem}>
          <button class="button" onClick={() => void load(null)}>
            Try again
          </button>
        </ProblemNotice>
      ) : null}
      {shelf?.videos.length === 0 ? <EmptyLibrary /> : null}
      {shelf && shelf.videos.length > 0 ? (
        <>
          <ForYou />
          <MyListRow />
          <section class="row">
            <h2>All films</h2>
            <div class="cards">
              {shelf.videos.map((video) => (
                <VideoCard key={video.id} video={video} />
              ))}
            </div>
            {next ? (
              <p class="more">
                <button class="button" onClick={() => void load(next)}>
                  Show more
                </button>
              </p>
            ) : null}
          </section>
        </>
      ) : null}
    </main>
  );
}

/** The shelf with one more page: appended, or, when it is the first page again, put over what changed. */
function joined(old: Shelf | null, items: Video[], next: string | null, append: boolean): Shelf {
  if (!old) return { videos: items, next };
  const known = new Set(items.map((video) => video.id));
  const others = old.videos.filter((video) => !known.has(video.id));
  if (append) return { videos: [...others, ...items], next };
  const oldest = items[items.length - 1];
  // Ids grow with time. Beyond the first page nothing is known to have changed; inside it, what is missing was deleted.
  const beyond = next && oldest ? others.filter((video) => video.id < oldest.id) : [];
  return { videos: [...items, ...beyond], next: beyond.length > 0 ? old.next : next };
}

function EmptyLibrary() {
  const now = session.value;
  const uploader = now.state === "signed-in" && mayUpload(now.me);
  return (
    <Blank icon="film" title="No films yet">
      <p class="soft">
        {uploader
          ? "Upload one: it can be played a moment after its first part is encoded."
          : "As soon as an editor uploads the first film, it appears here."}
      </p>
      {uploader ? (
        <a class="button button-main button-large" href="/upload">
          Upload a film
        </a>
      ) : null}
    </Blank>
  );
}
