// One file on its way by tus 1.0, and what the browser remembers of transfers that were cut off.

import { defaultOptions, DetailedError, Upload, type PreviousUpload, type UploadOptions } from "tus-js-client";
import { asProblem, parseProblem, unreachable, type Problem } from "../api/problem";
import { bearer, refresh, session } from "../api/session";

const ENDPOINT = "/v1/uploads";
/** Bytes per request. Each one that arrives whole is progress that no reload takes away. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Pauses before the tries that follow a failed request. */
const RETRY_DELAYS_MS = [0, 1000, 2000, 4000, 8000, 15000];

/** A transfer that an earlier page began. */
export interface Stored {
  storageKey: string;
  fingerprint: string;
  url: string;
  videoId: string;
  filename: string;
  /** Whether it takes the place of what the video shows. */
  replaces: boolean;
  size_bytes: number;
  offset_bytes: number;
  creationTime: string;
}

export interface Transfer {
  /** What an earlier page stored of the same file, if anything. */
  previous(): Promise<Stored | null>;
  begin(videoId: string, replaces: boolean): void;
  resume(stored: Stored): void;
  stop(): void;
  url(): string | null;
}

export interface Listener {
  progress(sentBytes: number): void;
  done(): void;
  failed(problem: Problem): void;
}

/** The name under which a file's transfer is remembered: the same file of the same account. */
export function fingerprint(file: File): string {
  return [ownPrefix(), file.name, file.size, file.lastModified].join("/");
}

export function openTransfer(file: File, listener: Listener): Transfer {
  const upload = new Upload(file, {
    ...authorised(),
    endpoint: ENDPOINT,
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    fingerprint: () => Promise.resolve(fingerprint(file)),
    onProgress: (sent) => listener.progress(sent),
    onSuccess: () => listener.done(),
    onError: (error) => listener.failed(problemOf(error)),
  });
  return {
    previous: async () => {
      const found = (await upload.findPreviousUploads()).map(parse).filter(isStored);
      found.sort((a, b) => Date.parse(b.creationTime) - Date.parse(a.creationTime));
      const newest = found[0];
      return newest ? { ...newest, offset_bytes: await offset(newest.url) } : null;
    },
    begin: (videoId, replaces) => {
      upload.options.metadata = metadata(videoId, file.name, replaces);
      upload.start();
    },
    resume: (stored) => {
      upload.options.metadata = metadata(stored.videoId, stored.filename, stored.replaces);
      upload.resumeFromPreviousUpload(previousUpload(stored));
      upload.start();
    },
    stop: () => void upload.abort(),
    url: () => upload.url,
  };
}

/** The unfinished transfers of this account that this browser knows, each with what the server holds of it. */
export async function interrupted(): Promise<Stored[]> {
  const all = (await defaultOptions.urlStorage.findAllUploads()).map(parse).filter(isStored);
  const open: Stored[] = [];
  for (const stored of all.filter((candidate) => candidate.fingerprint.startsWith(`${ownPrefix()}/`))) {
    const held = await offset(stored.url);
    // Finished, expired or terminated: nothing to go on with.
    if (held < 0 || held >= stored.size_bytes) await forget(stored);
    else open.push({ ...stored, offset_bytes: held });
  }
  return open;
}

export function forget(stored: Stored): Promise<void> {
  return defaultOptions.urlStorage.removeUpload(stored.storageKey);
}

export function terminate(url: string): Promise<void> {
  return Upload.terminate(url, authorised());
}

/** Bytes that the server holds; -1 if it does not know the transfer. */
async function offset(url: string): Promise<number> {
  const ask = (token: string | null) =>
    fetch(url, { method: "HEAD", headers: { "tus-resumable": "1.0.0", authorization: `Bearer ${token ?? ""}` } });
  let response: Response;
  try {
    response = await ask(bearer());
    if (response.status === 401) response = await ask(await refresh());
  } catch {
    throw unreachable();
  }
  // 423: all bytes are there, and the hand-over is still to come.
  if (response.status >= 500 || response.status === 429 || response.status === 423) throw parseProblem(response.status, "");
  return response.ok ? Number(response.headers.get("upload-offset") ?? -1) : -1;
}

/** Options that sign each request, and refresh the token once it is refused. */
function authorised(): UploadOptions {
  let refused = false;
  return {
    onBeforeRequest: async (request) => {
      const token = refused ? await refresh() : bearer();
      refused = false;
      if (token) request.setHeader("authorization", `Bearer ${token}`);
    },
    onShouldRetry: (error) => {
      const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
      refused = status === 401;
      // Bytes that another request holds or has stored meanwhile; when an upload is opened, a conflict is final.
      const moved = (status === 409 || status === 423) && error.originalRequest.getMethod() !== "POST";
      return status === 0 || status === 401 || moved || status === 429 || status >= 500;
    },
  };
}

function problemOf(error: Error | DetailedError): Problem {
  if (!("originalRequest" in error)) return asProblem(error);
  const response = error.originalResponse;
  return response ? parseProblem(response.getStatus(), response.getBody()) : unreachable();
}

function metadata(video_id: string, filename: string, replaces: boolean): Record<string, string> {
  return replaces ? { video_id, filename, replace: "true" } : { video_id, filename };
}

function ownPrefix(): string {
  const now = session.value;
  return `marquee/${now.state === "signed-in" ? now.me.id : ""}`;
}

function parse(upload: PreviousUpload): Stored | null {
  // tus-js-client's keys are `tus::{fingerprint}::{random}`.
  const print = upload.urlStorageKey.replace(/^tus::/, "").replace(/::\d+$/, "");
  const videoId = upload.metadata["video_id"];
  if (!upload.uploadUrl || !videoId || upload.size === null) return null;
  return {
    storageKey: upload.urlStorageKey,
    fingerprint: print,
    url: upload.uploadUrl,
    videoId,
    filename: upload.metadata["filename"] ?? "",
    replaces: upload.metadata["replace"] !== undefined,
    size_bytes: upload.size,
    offset_bytes: 0,
    creationTime: upload.creationTime,
  };
}

function isStored(stored: Stored | null): stored is Stored {
  return stored !== null;
}

function previousUpload(stored: Stored): PreviousUpload {
  return {
    size: stored.size_bytes,
    metadata: metadata(stored.videoId, stored.filename, stored.replaces),
    creationTime: stored.creationTime,
    urlStorageKey: stored.storageKey,
    uploadUrl: stored.url,
    parallelUploadUrls: null,
  };
}
