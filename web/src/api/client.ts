// Requests to the API: bearer token on, one refresh when it has expired, problems as exceptions.

import { parseProblem, unreachable } from "./problem";
import { bearer, refresh } from "./session";

export interface Call {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** A file as the body, as it is. */
  file?: Blob;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** Lets the request outlive the page. */
  keepalive?: boolean;
}

/** Sends `call` and answers its successful response. Throws a `Problem`, or the abort error if `signal` fired. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  let response = await attempt(path, call, bearer());
  if (response.status === 401) {
    const token = await refresh();
    if (token) response = await attempt(path, call, token);
  }
  if (!response.ok) throw parseProblem(response.status, await response.text());
  return response;
}

/** [`send`], with the answer read as JSON; undefined for an empty one. */
export async function request<T>(path: string, call: Call = {}): Promise<T> {
  const response = await send(path, call);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

async function attempt(path: string, call: Call, token: string | null): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json", ...call.headers };
  if (token) headers["authorization"] = `Bearer ${token}`;
  const init: RequestInit = { method: call.method ?? "GET", headers };
  if (call.body !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(call.body);
  }
  if (call.file) {
    headers["content-type"] = "application/octet-stream";
    init.body = call.file;
  }
  if (call.signal) init.signal = call.signal;
  if (call.keepalive) init.keepalive = true;
  try {
    return await fetch(path, init);
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw unreachable();
  }
}
