// The main job through the pages, as a person does it: sign in, upload a clip, watch it being encoded, play it, choose a
// quality; then lose an upload to a reload and go on with it.
//
// node main-job.mjs BASE_URL EMAIL PASSWORD CLIP [OUTPUT_DIR]
//
// CLIP is an MP4 of at least 20 s. Screenshots go to OUTPUT_DIR. Exit code 0, or 1 with the reason on standard error.
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { check, eventStreams, marked, open, run, until } from "./browser.mjs";
import { previewPlaces, skipIntro } from "./places.mjs";

const [base, email, password, clip, output] = process.argv.slice(2);

/** Until the first part of a clip is encoded, and until all of it is, on a slow machine. */
const PLAYABLE_TIMEOUT_MS = 180_000;
const READY_TIMEOUT_MS = 600_000;
/** Size of the upload that is interrupted, and how fast it goes: more than one of the page's requests, for seconds. */
const LARGE_BYTES = 48 * 1024 * 1024;
const UPLOAD_BYTES_PER_S = 6 * 1024 * 1024;
/** A request of the page carries this much; what came before is safe. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** A film that was watched for this long while it grew is set back: near its end the player stays with what it has. */
const WATCHED_MAX_S = 12;
/** Variance of brightness (0 to 255) that no black or plain picture has. */
const LUMA_VARIANCE_MIN = 20;

await run(async (see) => {
  check(clip, "usage: main-job.mjs BASE_URL EMAIL PASSWORD CLIP [OUTPUT_DIR]");
  if (output) await mkdir(output, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), "marquee-browser-"));
  const { browser, page, faults } = await open();
  const streams = eventStreams(page);
  const shoot = (name) => (output ? page.screenshot({ path: join(output, `${name}.png`) }) : undefined);
  try {
    await signIn(page, shoot, see);
    const id = await upload(page, shoot, see);
    await watchEncode(page, id, streams, shoot, see);
    await play(page, shoot, see);
    await moveToFinalLadder(page, see);
    await chooseQuality(page, shoot, see);
    await readSubtitles(page, shoot, see);
    await reachEnd(page, see);
    await previewPlaces(page, shoot, see);
    await skipIntro(page, shoot, see);
    await steerByKeys(page, see);
    await page.goto(`${base}/`);
    await page.waitForSelector(`${marked("card")}[data-id="${id}"][data-status="ready"]`);
    check((await page.title()) === "Library · Marquee", `the library calls itself ${await page.title()}`);
    await isDrawn(page, `${marked("card")}[data-id="${id}"] ${marked("poster")}`);
    await shoot("library");
    see("the library shows the title as ready, with its poster");
    await changeTitle(page, id, shoot, see);
    await resumeAfterReload(page, await enlarged(clip, scratch), shoot, see);
    check(faults.length === 0, `the pages misbehaved:\n${faults.join("\n")}`);
    see("no page threw or broke its security policy");
  } catch (error) {
    await shoot("failure");
    throw new Error(`${error.message}\nat ${page.url()}${faults.map((fault) => `\n${fault}`).join("")}`);
  } finally {
    await browser.close();
    await rm(scratch, { recursive: true, force: true });
  }
});

async function signIn(page, shoot, see) {
  await page.goto(`${base}/upload`);
  await page.fill(marked("email"), email);
  await page.fill(marked("password"), `${password}, but wrong`);
  await page.click(marked("submit"));
  await page.waitForSelector(marked("problem"));
  await shoot("sign-in");
  await page.fill(marked("password"), password);
  await page.click(marked("submit"));
  await page.waitForSelector(marked("upload-page"));
  await introducesItself(page, "Upload");
  see("a wrong password is refused in words, the right one leads to the page that was asked for");
}

/** Answers the id of the video that the clip became. */
async function upload(page, shoot, see) {
  await page.setInputFiles(marked("file"), clip);
  const row = page.locator(marked("upload")).last();
  await row.waitFor();
  await until("the upload is done", 120_000, async () => {
    const state = await row.getAttribute("data-state");
    if (state === "failed") throw new Error(`the upload failed: ${await row.innerText()}`);
    return state === "done";
  });
  await shoot("upload");
  const id = await row.getAttribute("data-video");
  check(id, "a finished upload names no video");
  see(`${basename(clip)} was uploaded and became ${id}`);
  await row.locator(marked("open-title")).click();
  return id;
}

/** The title page tells how the encode goes, by itself, until there is something to play. */
async function watchEncode(page, id, streams, shoot, see) {
  const title = page.locator(marked("title-page"));
  await title.waitFor();
  check(page.url().endsWith(id), `expected the page of ${id}, got ${page.url()}`);
  await introducesItself(page, await page.innerText(marked("title")));
  const [statuses, percents] = [[], []];
  await until("the title is playable and its progress was seen to move", PLAYABLE_TIMEOUT_MS, async () => {
    const { status, playable, percent } = await title.evaluate((main, bar) => {
      return { ...main.dataset, percent: Number(main.querySelector(bar)?.getAttribute("aria-valuenow")) };
    }, marked("progress"));
    if (statuses[statuses.length - 1] !== status) statuses.push(status);
    if (status === "failed") throw new Error(`the title failed: ${await page.locator(marked("failure")).innerText()}`);
    check(status !== "ready", `the title was ready before its progress was seen to move: ${percents.join(", ")} %`);
    if (status === "encoding" && percent > 0 && percents[percents.length - 1] !== percent) percents.push(percent);
    return playable === "true" && percents.length >= 2;
  });
  await shoot("title");
  check(percents.every((percent, index) => index === 0 || percent > percents[index - 1]), `progress went ${percents.join(", ")} %`);
  see(`the title page went through ${statuses.join(", ")} at ${percents.join(", ")} % by itself and became playable`);

  // A stream that ended would have been followed by another one.
  const own = streams.filter(({ path }) => path === `/v1/videos/${id}/events`);
  const told = own.map(({ status, type, open }) => `${status} ${type}, ${open ? "open" : "ended"}`).join("; ");
  check(own.length === 1 && told === "200 text/event-stream, open", `the title page's event streams: ${told || "none"}`);
  see("all of it came over one stream of events, which is still open");
}

async function play(page, shoot, see) {
  const name = await page.innerText(marked("title"));
  await page.click(marked("play"));
  await introducesItself(page, name);
  await isRunning(page);
  const first = await position(page);
  let growing = false;
  await until("the film runs for two seconds", 60_000, async () => {
    const now = await position(page);
    growing ||= now > first && (await page.getAttribute(marked("player"), "data-growing")) === "true";
    return now > first + 2;
  });
  check(growing, "the film did not play while it was still being encoded");
  see(`it plays while it is still being encoded: ${first.toFixed(1)} s and going on`);

  const variance = await until("the picture is not plain", 20_000, async () => {
    const found = await lumaVariance(page);
    return found > LUMA_VARIANCE_MIN ? found : 0;
  });
  see(`the picture is not black: its brightness varies by ${Math.round(Math.sqrt(variance))} of 255`);
  await page.mouse.move(640, 400);
  await page.mouse.move(660, 420);
  await shoot("player");
}

/** Goes on watching until the title is ready. */
async function moveToFinalLadder(page, see) {
  const before = await position(page);
  let last = before;
  await until("the player goes over to the final ladder", READY_TIMEOUT_MS, async () => {
    if ((await page.getAttribute(marked("video"), "data-ladder")) === "final") return true;
    if ((await position(page)) > before + WATCHED_MAX_S) await page.keyboard.press("ArrowLeft");
    last = await position(page);
    return false;
  });
  await isRunning(page);
  const after = await position(page);
  check(after >= before && after >= last - 0.5, `the film jumped back from ${last} s to ${after} s when the title became ready`);
  see(`when the title was ready the player went over to the final ladder where it was, at ${after.toFixed(1)} s`);
}

async function chooseQuality(page, shoot, see) {
  const heights = await until("the final ladder is there", 30_000, async () => {
    if ((await page.getAttribute(marked("player"), "data-growing")) === "true") return null;
    await openMenu(page);
    const keys = await page.$$eval(marked("quality-option"), (options) => options.map((option) => option.dataset.key));
    return keys.filter((key) => key !== "auto").map(Number);
  });
  await shoot("quality");
  check(heights.length >= 2, `the quality menu offers only ${heights.join(", ")}`);
  // There may be little film left: begin anew, so that every switch is seen while it runs.
  await page.keyboard.press("Escape");
  await seekTo(page, 0);
  const [lowest, highest] = [Math.min(...heights), Math.max(...heights)];
  for (const height of [lowest, highest]) {
    await openMenu(page);
    await page.click(`${marked("quality-option")}[data-key="${height}"]`);
    await until(`the picture is ${height} lines high`, 60_000, () =>
      page.$eval(marked("video"), (video, wanted) => video.videoHeight === wanted, height),
    );
    check((await page.getAttribute(marked("player"), "data-rung-height")) === String(height), `the active rung is not ${height}p`);
    check((await page.getAttribute(marked("player"), "data-quality")) === String(height), `the menu does not hold ${height}p`);
  }
  await openMenu(page);
  await page.click(`${marked("quality-option")}[data-key="auto"]`);
  check((await page.getAttribute(marked("player"), "data-quality")) === "auto", "the player does not choose again");
  see(`of ${heights.join(", ")} lines the menu shows the lowest and the highest when told`);
}

/** The clip says "Words" and a number for two of every three seconds. */
async function readSubtitles(page, shoot, see) {
  const shown = () =>
    page.$eval(marked("video"), (video) => {
      const cues = [...video.textTracks].filter(({ mode }) => mode === "showing").flatMap(({ activeCues }) => [...(activeCues ?? [])]);
      return cues.map(({ text }) => text.replace(/<[^>]*>/g, "")).join();
    });
  await seekTo(page, 0);
  check((await shown()) === "", "subtitles are shown that nobody chose");
  await chooseText(page, 1);
  for (const number of [1, 3]) {
    await seekTo(page, number * 3);
    const said = await until(`the words of ${number * 3} s are shown`, 20_000, async () => {
      const now = await shown();
      return now.endsWith(String(number)) ? now : null;
    });
    check(said === `Words ${number}`, `at ${number * 3} s the subtitles say "${said}"`);
  }
  await shoot("subtitles");
  await chooseText(page, 0);
  await until("no words are shown any more", 10_000, async () => (await shown()) === "");
  see("subtitles are shown when chosen, and no longer than that");
}

async function chooseText(page, place) {
  await page.mouse.move(640 + place, 400);
  await page.click(marked("text"));
  await page.locator(marked("text-option")).nth(place).click();
}

async function reachEnd(page, see) {
  const duration = await page.$eval(marked("video"), (video) => video.duration);
  await seekTo(page, duration - 3);
  await until("the film ends", 60_000, async () => (await page.getAttribute(marked("player"), "data-phase")) === "ended");
  see(`it ends at ${duration.toFixed(1)} s`);
}

/** Waits until the image at `selector` has pixels. */
function isDrawn(page, selector) {
  return until(`an image at ${selector}`, 20_000, () =>
    page.$eval(selector, (image) => image.complete && image.naturalWidth > 0).catch(() => false),
  );
}

/** What a remote control has: four arrows, OK and back. */
async function steerByKeys(page, see) {
  await page.keyboard.press("Escape");
  await page.waitForSelector(marked("title-page"));
  await focusByArrow(page, "ArrowDown", "play");
  await page.keyboard.press("Enter");
  await isRunning(page);
  await page.keyboard.press("ArrowRight");
  await until("the right arrow goes ten seconds on", 30_000, async () => (await position(page)) >= 10);
  await focusByArrow(page, "ArrowDown", "toggle");
  await page.keyboard.press("Enter");
  await until("OK on the button pauses", 10_000, async () => (await page.getAttribute(marked("player"), "data-playing")) === "false");
  await focusByArrow(page, "ArrowRight", "quality");
  await page.keyboard.press("Enter");
  await page.waitForSelector(marked("quality-option"));
  await page.evaluate(backTwice, marked("quality-option"));
  await page.waitForSelector(marked("title-page"));
  see("arrows, OK and back are enough to play, skip, pause, open the quality menu and leave");
}

/** Presses back, and again as soon as `menu` is gone, with no frame drawn between. */
function backTwice(menu) {
  const press = () => {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }));
  };
  const pressAgain = (_, observer) => {
    if (document.querySelector(menu)) return;
    observer.disconnect();
    press();
  };
  new MutationObserver(pressAgain).observe(document.body, { childList: true, subtree: true });
  press();
}

/** Presses `arrow` until the focus is on what is marked `name`. */
async function focusByArrow(page, arrow, name) {
  const reached = () => page.evaluate((wanted) => document.activeElement?.getAttribute("data-test") === wanted, name);
  for (let presses = 0; presses < 10; presses++) {
    if (await reached()) return;
    await page.keyboard.press(arrow);
  }
  check(await reached(), `${arrow} does not lead to ${name}`);
}

async function resumeAfterReload(page, large, shoot, see) {
  await page.goto(`${base}/upload`);
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 5,
    downloadThroughput: -1,
    uploadThroughput: UPLOAD_BYTES_PER_S,
  });
  // By a real click: browsers ask nothing on leaving a page that nobody touched.
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click(marked("choose"))]);
  await chooser.setFiles(large);
  const row = page.locator(marked("upload")).last();
  await until("more than one request of the upload is through", 60_000, async () => {
    return Number(await row.getAttribute("data-sent")) > CHUNK_BYTES * 1.5;
  });
  const video = await row.getAttribute("data-video");
  check((await row.getAttribute("data-state")) === "uploading", "the large upload ended before it could be cut off");
  // The page asks whether to leave over a running upload.
  const asked = [];
  page.once("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  await page.reload();
  check(asked.join() === "beforeunload", "the page let itself be left over a running upload without a question");
  const left = page.locator(`${marked("upload")}[data-video="${video}"]`);
  await left.waitFor();
  check((await left.getAttribute("data-state")) === "interrupted", "the reloaded page does not list the upload as cut off");
  await shoot("interrupted");
  await page.setInputFiles(marked("file"), large);
  await until("the upload goes on and is done", 120_000, async () => {
    const state = await left.getAttribute("data-state");
    if (state === "failed") throw new Error(`the upload failed after the reload: ${await left.innerText()}`);
    return state === "done";
  });
  const resumed = Number(await left.getAttribute("data-resumed"));
  check(resumed >= CHUNK_BYTES, `it began anew instead of going on: ${resumed} bytes were kept`);
  await network.detach();
  see(`an upload cut off by a reload went on at ${resumed} bytes`);
  // It was here to be cut off: encoding it as well would only cost time.
  await left.locator(marked("open-title")).click();
  await page.click(marked("delete"));
  await page.click(marked("delete-really"));
  await page.waitForSelector(marked("library"));
  check((await page.locator(`${marked("card")}[data-id="${video}"]`).count()) === 0, "a deleted title is still listed");
  see("a title can be deleted");
}

/** A title is encoded anew, and its film replaced, from its page; both are over at once, since it is the same film. */
async function changeTitle(page, id, shoot, see) {
  const change = page.locator(marked("change"));
  const over = (what) => until(what, 120_000, async () => (await change.getAttribute("data-status")) === "none");
  await page.goto(`${base}/titles/${id}`);
  await change.waitFor();
  await change.scrollIntoViewIfNeeded();
  await shoot("change-offer");
  await page.click(marked("encode-again"));
  await until("the change is told", 30_000, async () => (await change.getAttribute("data-status")) !== "none");
  await shoot("change");
  await over("the title is encoded anew");
  check((await page.getAttribute(marked("title-page"), "data-status")) === "ready", "the title was not shown all the while");
  see("a title was encoded anew from its page, which showed it all the while");

  await page.setInputFiles(marked("replace"), clip);
  const row = page.locator(`${marked("upload")}[data-state="done"]`).last();
  await row.waitFor({ timeout: 60_000 });
  await row.locator(marked("open-title")).click();
  await page.waitForSelector(marked("title-page"));
  check(page.url().endsWith(id), `the film went to ${page.url()}`);
  await over("the film is replaced");
  see("its film was replaced from its page");
}

/** The clip with a long `free` box behind it: a valid MP4 of LARGE_BYTES (ISO/IEC 14496-12, 8.1.2). */
async function enlarged(path, directory) {
  const bytes = await readFile(path);
  check(bytes.length + 8 < LARGE_BYTES, `${path} is too large for this test`);
  const free = Buffer.alloc(LARGE_BYTES - bytes.length);
  free.writeUInt32BE(free.length, 0);
  free.write("free", 4, "latin1");
  const to = join(directory, "large.mp4");
  await writeFile(to, Buffer.concat([bytes, free]));
  return to;
}

async function isRunning(page) {
  const player = page.locator(marked("player"));
  await until("the player runs", 60_000, async () => {
    const phase = await player.getAttribute("data-phase");
    if (phase === "failed") throw new Error(`the player failed: ${await player.innerText()}`);
    return phase === "running" && (await player.getAttribute("data-playing")) === "true";
  });
}

/** Every view names itself in the title and in its heading, and has the focus there when it came in the place of another. */
function introducesItself(page, name) {
  const looks = (wanted) => {
    const [heading, ...others] = document.querySelectorAll("h1");
    const alone = others.length === 0 && document.querySelectorAll("main").length === 1;
    return document.title === `${wanted} · Marquee` && alone && heading?.textContent === wanted && document.activeElement === heading;
  };
  return until(`a view called ${name}, with the focus on its heading`, 10_000, () => page.evaluate(looks, name));
}

async function openMenu(page) {
  await page.mouse.move(600 + Math.random() * 50, 400);
  if ((await page.getAttribute(marked("quality"), "aria-expanded")) !== "true") await page.click(marked("quality"));
  await page.waitForSelector(marked("quality-option"));
}

async function seekTo(page, seconds) {
  await page.$eval(
    marked("video"),
    (video, to) => {
      video.currentTime = to;
      return video.play();
    },
    seconds,
  );
}

function position(page) {
  return page.$eval(marked("video"), (video) => video.currentTime);
}

/** Variance of the brightness of the picture that is shown; fails if the browser keeps its pixels from the page. */
function lumaVariance(page) {
  return page.$eval(marked("video"), (video) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [160, 90];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let [sum, squares] = [0, 0];
    for (let at = 0; at < data.length; at += 4) {
      const luma = 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
      sum += luma;
      squares += luma * luma;
    }
    const count = data.length / 4;
    return squares / count - (sum / count) ** 2;
  });
}
