// The uploads of this page: they go on while their owner looks at other pages, and tus lets them go on after a reload,
// as soon as the same file is chosen again (a page may not keep a file).

import { computed, signal } from "@preact/signals";
import { asProblem, Problem } from "../api/problem";
import { uuid } from "../api/random";
import { session } from "../api/session";
import { createVideo, deleteVideo, getVideo } from "../api/videos";
import type { Video } from "../api/types";
import { titleFromFilename } from "../ui/text";
import { fingerprint, forget, interrupted, openTransfer, terminate, type Stored, type Transfer } from "./tus";

/** Transfers at a time; the others wait. */
const PARALLEL = 2;
/** An upload that lost the server tries again by itself after this long. */
const RECONNECT_MS = 5000;

export type UploadState = "waiting" | "uploading" | "paused" | "interrupted" | "done" | "failed";

export interface Upload {
  key: string;
  name: string;
  title: string;
  size_bytes: number;
  sent_bytes: number;
  /** Bytes that a former session of this upload had stored already. */
  resumed_bytes: number;
  state: UploadState;
  videoId: string | null;
  /** Whether it takes the place of what that video shows. */
  replaces: boolean;
  problem: Problem | null;
}

export const uploads = signal<Upload[]>([]);
export const activeUploads = computed(() => uploads.value.filter(({ state }) => state === "waiting" || state === "uploading").length);

const files = new Map<string, File>();
const transfers = new Map<string, Transfer>();
const stored = new Map<string, Stored>();

/** Queues `chosen`; a file that was interrupted before goes on where it stopped. */
export function add(chosen: File[]): void {
  for (const file of chosen) queue(file, null);
  pump();
}

/** Queues a film that takes the place of what `video` shows, once it is ready itself. */
export function replaceFilm(video: Pick<Video, "id" | "title">, file: File): void {
  queue(file, video);
  pump();
}

function queue(file: File, replaced: Pick<Video, "id" | "title"> | null): void {
  const print = fingerprint(file);
  const same = (upload: Upload) => {
    const held = files.get(upload.key);
    const before = stored.get(upload.key);
    const isSame = (held !== undefined && fingerprint(held) === print) || before?.fingerprint === print;
    return isSame && (replaced === null || upload.videoId === replaced.id);
  };
  const known = uploads.value.find((upload) => upload.state !== "done" && same(upload));
  if (known) {
    files.set(known.key, file);
    if (known.state !== "uploading") change(known.key, { state: "waiting", problem: null });
    return;
  }
  const key = uuid();
  files.set(key, file);
  const upload: Upload = {
    key,
    name: file.name,
    title: replaced?.title ?? titleFromFilename(file.name),
    size_bytes: file.size,
    sent_bytes: 0,
    resumed_bytes: 0,
    state: "waiting",
    videoId: replaced?.id ?? null,
    replaces: replaced !== null,
    problem: null,
  };
  if (file.size === 0) {
    upload.state = "failed";
    upload.problem = new Problem(0, "empty_file", "The file is empty. Choose the film itself.");
  }
  uploads.value = [...uploads.value, upload];
}

export function pause(key: string): void {
  transfers.get(key)?.stop();
  transfers.delete(key);
  change(key, { state: "paused" });
  pump();
}

/** Goes on with a paused or failed upload. */
export function resume(key: string): void {
  change(key, { state: "waiting", problem: null });
  pump();
}

/** Stops an upload for good; what the server holds of it goes too. A finished one only leaves the list. */
export async function discard(key: string): Promise<void> {
  const upload = find(key);
  if (!upload) return;
  const transfer = transfers.get(key);
  const before = stored.get(key);
  transfer?.stop();
  drop(key);
  pump();
  if (upload.state === "done") return;
  const url = transfer?.url() ?? before?.url;
  // The server's own expiry removes what cannot be removed now.
  if (url) await terminate(url).catch(() => undefined);
  if (before) await forget(before).catch(() => undefined);
  // What a video shows that is replaced stays, whatever becomes of this upload.
  if (upload.videoId && !upload.replaces) await deleteVideo(upload.videoId).catch(() => undefined);
}

/** Lists what earlier pages left unfinished. */
export async function listInterrupted(): Promise<void> {
  for (const left of await interrupted()) {
    const listed = uploads.value.some((upload) => stored.get(upload.key)?.storageKey === left.storageKey || upload.videoId === left.videoId);
    if (listed) continue;
    const key = uuid();
    stored.set(key, left);
    uploads.value = [
      ...uploads.value,
      {
        key,
        name: left.filename,
        title: titleFromFilename(left.filename),
        size_bytes: left.size_bytes,
        sent_bytes: left.offset_bytes,
        resumed_bytes: 0,
        state: "interrupted",
        videoId: left.videoId,
        replaces: left.replaces,
        problem: null,
      },
    ];
  }
}

/** Stops everything when the account changes. */
export function followSession(): void {
  let owner: string | null = null;
  session.subscribe((now) => {
    const next = now.state === "signed-in" ? now.me.id : null;
    if (now.state === "restoring" || now.state === "unreachable" || next === owner) return;
    owner = next;
    for (const transfer of transfers.values()) transfer.stop();
    for (const map of [files, transfers, stored]) map.clear();
    uploads.value = [];
  });
}

/** Asks before the page is closed over a running upload. */
export function warnBeforeLeaving(): void {
  window.addEventListener("beforeunload", (event) => {
    if (activeUploads.value === 0) return;
    event.preventDefault();
    // What asks before Chrome 119.
    event.returnValue = true;
  });
}

function pump(): void {
  for (const upload of uploads.value) {
    if (transfers.size >= PARALLEL) return;
    if (upload.state === "waiting" && !transfers.has(upload.key)) void run(upload.key);
  }
}

async function run(key: string): Promise<void> {
  const file = files.get(key);
  if (!file) return;
  const transfer = openTransfer(file, {
    progress: (sent_bytes) => change(key, { sent_bytes }),
    done: () => finish(key, transfer, { state: "done", sent_bytes: file.size }),
    failed: (problem) => finish(key, transfer, { state: "failed", problem }),
  });
  transfers.set(key, transfer);
  change(key, { state: "uploading", problem: null });
  try {
    const before = await transfer.previous();
    if (transfers.get(key) !== transfer) return;
    const { replaces = false, videoId: wanted = null } = find(key) ?? {};
    const isOurs = before !== null && before.replaces === replaces && (!replaces || before.videoId === wanted);
    if (before && isOurs && before.offset_bytes >= before.size_bytes) {
      // All of it had arrived, only the answer was lost.
      await forget(before);
      finish(key, transfer, { state: "done", sent_bytes: file.size, videoId: before.videoId });
      return;
    }
    const open = isOurs && (await isOpen(before.videoId, replaces));
    if (transfers.get(key) !== transfer) return;
    if (before && open && before.offset_bytes >= 0) {
      stored.set(key, before);
      change(key, { videoId: before.videoId, resumed_bytes: before.offset_bytes, sent_bytes: before.offset_bytes });
      transfer.resume(before);
      return;
    }
    if (before && isOurs) await forget(before);
    const videoId = open ? before.videoId : (find(key)?.videoId ?? null);
    const id = videoId ?? (await createVideo(find(key)?.title ?? file.name, key)).id;
    change(key, { videoId: id, sent_bytes: 0 });
    if (transfers.get(key) === transfer) transfer.begin(id, replaces);
  } catch (error) {
    finish(key, transfer, { state: "failed", problem: asProblem(error) });
  }
}

function finish(key: string, transfer: Transfer, end: Partial<Upload>): void {
  // A transfer that was paused or discarded meanwhile has nothing to say any more.
  if (transfers.get(key) !== transfer) return;
  transfers.delete(key);
  change(key, end);
  pump();
  if (end.problem?.code !== "unreachable") return;
  setTimeout(() => {
    if (find(key)?.problem === end.problem) resume(key);
  }, RECONNECT_MS);
}

/** Whether the video, or what takes its place, still waits for its file. */
async function isOpen(videoId: string, replaces: boolean): Promise<boolean> {
  try {
    const { status, change } = await getVideo(videoId);
    return replaces ? change?.status === "uploading" : status === "created" || status === "uploading";
  } catch (error) {
    if (asProblem(error).status === 404) return false;
    throw error;
  }
}

function find(key: string): Upload | undefined {
  return uploads.value.find((upload) => upload.key === key);
}

function change(key: string, patch: Partial<Upload>): void {
  uploads.value = uploads.value.map((upload) => (upload.key === key ? { ...upload, ...patch } : upload));
}

function drop(key: string): void {
  for (const map of [files, transfers, stored]) map.delete(key);
  uploads.value = uploads.value.filter((upload) => upload.key !== key);
}
