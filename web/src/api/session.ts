// Who is signed in. The access token lives in memory, the refresh token in localStorage, so a reload stays signed in.
// Refresh tokens are used once: refreshing is single-flight inside a tab, and between tabs where the browser has locks.

import { signal } from "@preact/signals";
import { parseProblem, Problem, unreachable } from "./problem";
import type { Me, Profile, Tokens } from "./types";

const REFRESH_KEY = "marquee.refresh";

export type Session =
  | { state: "restoring" }
  | { state: "signed-out" }
  | { state: "unreachable"; problem: Problem }
  | { state: "signed-in"; me: Me };

export const session = signal<Session>({ state: "restoring" });

let accessToken: string | null = null;
let refreshing: Promise<string | null> | null = null;

/** The bearer token for the next request; null when signed out. */
export function bearer(): string | null {
  return accessToken;
}

/** A new access token, or null if the session has ended. Throws a [`Problem`] if the server is out of reach. */
export function refresh(): Promise<string | null> {
  if (!refreshing) {
    refreshing = exclusively(renew).finally(() => {
      refreshing = null;
    });
  }
  return refreshing;
}

async function renew(): Promise<string | null> {
  const refreshToken = localStorage.getItem(REFRESH_KEY);
  if (!refreshToken) {
    end();
    return null;
  }
  const response = await send("/v1/users/refresh", { refresh_token: refreshToken });
  if (response.ok) {
    keep((await response.json()) as Tokens);
    return accessToken;
  }
  if (response.status >= 500 || response.status === 429) throw parseProblem(response.status, await response.text());
  // Another tab without locks may have been faster: its newer token is as good.
  const newer = localStorage.getItem(REFRESH_KEY);
  if (newer && newer !== refreshToken) return renew();
  end();
  return null;
}

/** Picks up the session that an earlier page left, if any. */
export async function restore(): Promise<void> {
  session.value = { state: "restoring" };
  try {
    if (await refresh()) await loadMe();
  } catch (error) {
    session.value = { state: "unreachable", problem: error instanceof Problem ? error : unreachable() };
  }
}

export async function signIn(email: string, password: string): Promise<void> {
  await enter("/v1/users/login", { email, password });
}

export async function signUp(email: string, password: string, name: string): Promise<void> {
  await enter("/v1/users", { email, password, name });
}

/** Ends the session here and on the server. Never fails: without the server the token simply expires. */
export async function signOut(): Promise<void> {
  const refreshToken = localStorage.getItem(REFRESH_KEY);
  const headers = accessToken ? { authorization: `Bearer ${accessToken}` } : {};
  end();
  if (refreshToken) await send("/v1/users/logout", { refresh_token: refreshToken }, headers).catch(() => undefined);
}

/** One of the account's profiles is as `changed` says from now on. */
export function profileChanged(changed: Profile): void {
  const now = session.value;
  if (now.state !== "signed-in") return;
  const profiles = now.me.profiles.map((profile) => (profile.id === changed.id ? changed : profile));
  session.value = { ...now, me: { ...now.me, profiles } };
}

/** Follows signing in and out in other tabs. */
export function followOtherTabs(): void {
  window.addEventListener("storage", (event) => {
    if (event.key !== REFRESH_KEY) return;
    if (event.newValue === null) end();
    else if (session.value.state === "signed-out") void restore();
  });
}

async function enter(path: string, body: object): Promise<void> {
  const response = await send(path, body);
  if (!response.ok) throw parseProblem(response.status, await response.text());
  keep((await response.json()) as Tokens);
  await loadMe();
}

async function loadMe(): Promise<void> {
  const response = await fetch("/v1/users/me", { headers: { authorization: `Bearer ${accessToken ?? ""}` } });
  if (!response.ok) throw parseProblem(response.status, await response.text());
  session.value = { state: "signed-in", me: (await response.json()) as Me };
}

function keep(tokens: Tokens): void {
  accessToken = tokens.access_token;
  localStorage.setItem(REFRESH_KEY, tokens.refresh_token);
}

function end(): void {
  accessToken = null;
  localStorage.removeItem(REFRESH_KEY);
  session.value = { state: "signed-out" };
}

async function send(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  } catch {
    throw unreachable();
  }
}

function exclusively<T>(task: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? (navigator.locks.request("marquee.refresh", task) as Promise<T>) : task();
}
