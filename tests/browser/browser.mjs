// A real Chromium for the tests, and the few things that every one of them does with it.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

/** How long anything may take that is not bound to an encode. */
const STEP_TIMEOUT_MS = 30_000;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

/** The browser of the environment variable CHROMIUM, or the one of the system. */
function executable() {
  const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error("no Chromium here: install one, or name it in the environment variable CHROMIUM");
  return found;
}

/** Opens a browser with one page. `faults` collects what a page must never do: throw, or break its own security policy. */
export async function open() {
  const browser = await chromium.launch({ executablePath: executable(), args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(STEP_TIMEOUT_MS);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`the page threw: ${error.message}`));
  page.on("console", (message) => {
    if (/content security policy|mixed content/i.test(message.text())) faults.push(message.text());
  });
  return { browser, context, page, faults };
}

/** The streams of events that the page opens, in order: path, status and type of the answer, and whether it still arrives. */
export function eventStreams(page) {
  const streams = [];
  page.on("response", (response) => {
    const path = new URL(response.url()).pathname;
    if (!path.endsWith("/events") || response.request().method() !== "GET") return;
    const type = (response.headers()["content-type"] ?? "").split(";")[0];
    const stream = { path, status: response.status(), type, open: true };
    streams.push(stream);
    const end = (request) => {
      if (request === response.request()) stream.open = false;
    };
    page.on("requestfinished", end);
    page.on("requestfailed", end);
  });
  return streams;
}

/** Selector of what a page marks for tests. */
export function marked(name) {
  return `[data-test="${name}"]`;
}

export function check(condition, reason) {
  if (!condition) throw new Error(reason);
}

/** Calls `look` until it answers something true; `what` says what was waited for. */
export async function until(what, timeoutMs, look) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${Math.round(timeoutMs / 1000)} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Runs `steps`, prints what each saw, and ends the process: 0, or 1 with the reason. */
export async function run(steps) {
  try {
    await steps((line) => console.log(line));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
