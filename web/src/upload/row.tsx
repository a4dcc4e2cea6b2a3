// One upload in the list: how far it is, what can be done with it, and what the workers do once it is there.

import { useEffect, useRef, useState } from "preact/hooks";
import { getVideo, isSettled } from "../api/videos";
import type { Video } from "../api/types";
import { statusLine } from "../title/status";
import { Icon } from "../ui/icons";
import { Bar, ProblemNotice } from "../ui/states";
import { bytes, clock, percent } from "../ui/text";
import { add, discard, pause, resume, type Upload } from "./uploads";
import { Speed } from "./speed";

/** Between two looks at an uploaded video. */
const POLL_MS = 2000;

export function UploadRow({ upload }: { upload: Upload }) {
  const video = useUploadedVideo(upload);
  const encoding = video?.status === "encoding" ? video.progress : null;
  const share = upload.size_bytes > 0 ? upload.sent_bytes / upload.size_bytes : 0;
  return (
    <li
      data-test="upload"
      data-state={upload.state}
      data-sent={upload.sent_bytes}
      data-resumed={upload.resumed_bytes}
      data-video={upload.videoId ?? undefined}
    >
      <div class="upload-head">
        <div>
          <p class="upload-name">{upload.title}</p>
          <p class="faint" data-test="upload-line">
            <Line upload={upload} video={video} />
          </p>
        </div>
        <Actions upload={upload} video={video} />
      </div>
      {upload.state !== "done" && upload.size_bytes > 0 ? (
        <Bar value={share} label={`Upload of ${upload.title}`} />
      ) : encoding !== null ? (
        <Bar value={encoding} label={`Encoding ${upload.title}`} />
      ) : null}
      {upload.problem ? <ProblemNotice problem={upload.problem} /> : null}
    </li>
  );
}

function Line({ upload, video }: { upload: Upload; video: Video | null }) {
  const rate = useRate(upload);
  const sofar = `${bytes(upload.sent_bytes)} of ${bytes(upload.size_bytes)}`;
  switch (upload.state) {
    case "waiting":
      return <>Waiting for its turn, {bytes(upload.size_bytes)}</>;
    case "uploading":
      return (
        <>
          {percent(upload.sent_bytes / upload.size_bytes)}, {sofar}
          {rate ? `, ${bytes(rate)}/s, ${clock(((upload.size_bytes - upload.sent_bytes) / rate) * 1000)} left` : ""}
        </>
      );
    case "paused":
      return <>Paused at {sofar}</>;
    case "interrupted":
      return (
        <>
          Cut off at {sofar}. Choose {upload.name} again to go on.
        </>
      );
    case "failed":
      return upload.size_bytes > 0 ? <>Stopped at {sofar}</> : <>Nothing to upload</>;
    case "done":
      return <>{video ? (video.failure?.message ?? statusLine(video)) : "Uploaded"}</>;
  }
}

function Actions({ upload, video }: { upload: Upload; video: Video | null }) {
  const again = useRef<HTMLInputElement>(null);
  const { key, state } = upload;
  const retryable = state === "paused" || (state === "failed" && upload.size_bytes > 0);
  return (
    <div class="upload-actions">
      {state === "uploading" ? (
        <button class="button button-plain" data-test="pause" onClick={() => pause(key)}>
          <Icon name="pause" />
          <span>Pause</span>
        </button>
      ) : null}
      {retryable ? (
        <button class="button" data-test="resume" onClick={() => resume(key)}>
          {state === "paused" ? "Go on" : "Try again"}
        </button>
      ) : null}
      {state === "interrupted" ? (
        <>
          <button class="button" onClick={() => again.current?.click()}>
            Choose file
          </button>
          <input
            ref={again}
            class="hidden-visually"
            type="file"
            tabIndex={-1}
            aria-hidden="true"
            onChange={(event) => add(Array.from(event.currentTarget.files ?? []))}
          />
        </>
      ) : null}
      {state === "done" && upload.videoId ? (
        <a class={video?.playable ? "button button-main" : "button"} href={`/titles/${upload.videoId}`} data-test="open-title">
          Open title
        </a>
      ) : null}
      <Discard upload={upload} />
    </div>
  );
}

/** Throwing an unfinished upload away asks once more, in place. */
function Discard({ upload }: { upload: Upload }) {
  const [asked, setAsked] = useState(false);
  if (asked) {
    return (
      <button class="button button-bad" data-test="discard-really" onClick={() => void discard(upload.key)} onBlur={() => setAsked(false)}>
        Discard?
      </button>
    );
  }
  const discarding = upload.state !== "done";
  return (
    <button
      class="button button-plain button-round"
      aria-label={discarding ? `Discard the upload of ${upload.title}` : `Remove ${upload.title} from the list`}
      data-test="discard"
      onClick={() => (discarding && upload.sent_bytes > 0 ? setAsked(true) : void discard(upload.key))}
    >
      <Icon name="close" />
    </button>
  );
}

/** The video that a finished upload became, looked at until nothing more happens to it. */
function useUploadedVideo(upload: Upload): Video | null {
  const [video, setVideo] = useState<Video | null>(null);
  const id = upload.state === "done" ? upload.videoId : null;
  useEffect(() => {
    if (!id) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      // A missed look is made up by the next one.
      const seen = await getVideo(id, stop.signal).catch(() => null);
      if (stop.signal.aborted) return;
      if (seen) setVideo(seen);
      if (!seen || !isSettled(seen)) timer = setTimeout(() => void look(), POLL_MS);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id]);
  return video;
}

/** Bytes per second of a running upload, once they are known. */
function useRate(upload: Upload): number | null {
  const speed = useRef<Speed | null>(null);
  if (upload.state !== "uploading") {
    speed.current = null;
    return null;
  }
  speed.current ??= new Speed();
  return speed.current.at(performance.now(), upload.sent_bytes);
}
