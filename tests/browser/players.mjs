// Shaka Player, hls.js and dash.js play a title from the edge by every manifest that they know: rungs, languages, subtitles, seams.
//
// node players.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL HLS_BY_KEY_URL]
//
// The title has two languages of sound and subtitles that say "Words N" from half a second to two and a half seconds of every three. If
// it is protected, LICENCE_URL answers Clear Key requests, and the playlists at HLS_BY_KEY_URL say where the keys are. Exit code 0, or 1
// with the reason on standard error.
import { createServer } from "node:http";
import { check, open, run, until } from "./browser.mjs";

const [hls, dash, length, licence, hlsByKey] = process.argv.slice(2);
const seconds = Number(length);

/** Until something is fetched and shown, on a slow machine. */
const SHOWN_TIMEOUT_MS = 30_000;

const SCRIPTS = {
  shaka: "shaka-player/dist/shaka-player.compiled.js",
  hls: "hls.js/dist/hls.min.js",
  dash: "dashjs/dist/modern/umd/dash.all.min.js",
};
const PLAYS = [
  // In HLS it knows Clear Key by the keys' addresses alone.
  ["shaka", hlsByKey ?? hls],
  ["shaka", dash],
  ["hls", hls],
  ["dash", dash],
];

await run(async (see) => {
  check(seconds > 0, "usage: players.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL HLS_BY_KEY_URL]");
  // Browsers open keys only for pages of which they know where they are from.
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<video muted></video>"));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening).unref());
  for (const [name, manifest] of PLAYS) {
    const what = `${name} by ${manifest.endsWith(".mpd") ? "DASH" : "HLS"}`;
    const { browser, page, faults } = await open();
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} for ${new URL(response.url()).pathname}`);
    });
    try {
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      for (const path of [`node_modules/${SCRIPTS[name]}`, "adapters.js"]) {
        await page.addScriptTag({ path: new URL(path, import.meta.url).pathname });
      }
      see(`${what} offers ${await load(page, name, manifest)}`);
      await play(page);
      await switchRungs(page);
      await switchLanguage(page);
      await readWords(page);
      await crossSeams(page);
      check(faults.length === 0, `the player met faults:\n${faults.join("\n")}`);
      see(`${what} plays all of it`);
    } catch (error) {
      const state = await page
        .evaluate(() => JSON.stringify([window.complaints, video.currentTime, video.readyState, video.error?.message]))
        .catch(String);
      throw new Error(`${what}: ${error.message}\n${state}${faults.map((fault) => `\n${fault}`).join("")}`);
    } finally {
      await browser.close();
    }
  }
});

async function load(page, name, manifest) {
  const offer = await page.evaluate(
    async ([player, url, server]) => {
      window.video = document.querySelector("video");
      // Players refuse with objects that say nothing once they left the page.
      window.film = await openPlayer(player, video, url, server).catch((error) => {
        throw new Error(JSON.stringify(error));
      });
      return { heights: film.heights(), languages: film.languages(), texts: film.texts() };
    },
    [name, manifest, licence],
  );
  const heights = new Set(offer.heights);
  check(heights.size >= 2 && new Set(offer.languages).size === 2 && offer.texts === 1, `it offers ${JSON.stringify(offer)}`);
  return JSON.stringify(offer);
}

/** Waits until the film runs on from where it is, frame by frame, without a complaint. */
async function play(page) {
  const shown = () => page.evaluate(() => [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames]);
  await page.evaluate(() => video.play());
  const [before, frames] = await shown();
  await until("the film runs for a second", SHOWN_TIMEOUT_MS, async () => {
    const [now, decoded] = await shown();
    return now > before + 1 && decoded > frames + 10;
  });
  const complaints = await page.evaluate(() => window.complaints ?? []);
  check(complaints.length === 0, `it complains: ${complaints.join(", ")}`);
}

async function switchRungs(page) {
  for (const height of new Set(await page.evaluate(() => film.heights()))) {
    await page.evaluate((wanted) => film.choose(wanted), height);
    await until(`${height} lines are shown`, SHOWN_TIMEOUT_MS, () => page.evaluate((wanted) => video.videoHeight === wanted, height));
    await page.evaluate(() => (video.currentTime = 0.5));
    await play(page);
  }
}

async function switchLanguage(page) {
  const other = await page.evaluate(() => film.languages().find((language) => language !== film.speaks()));
  await page.evaluate((language) => film.speak(language), other);
  await until(`it speaks ${other}`, SHOWN_TIMEOUT_MS, () => page.evaluate((language) => film.speaks() === language, other));
  await play(page);
}

async function readWords(page) {
  await page.evaluate(() => {
    film.read();
    video.pause();
    video.currentTime = 4;
  });
  await until("the words of four seconds are shown", SHOWN_TIMEOUT_MS, () =>
    page.evaluate(() => {
      const cues = [...video.textTracks].filter(({ mode }) => mode !== "disabled").flatMap(({ activeCues }) => [...(activeCues ?? [])]);
      return cues.map((cue) => cue.getCueAsHTML().textContent).join() === "Words 1";
    }),
  );
}

/** Chunks are encoded apart from each other: nothing may be felt where they meet. */
async function crossSeams(page) {
  for (const place of [seconds - 3, 1.5, 13.5]) {
    await page.evaluate((to) => (video.currentTime = to), place);
    await play(page);
    const now = await page.evaluate(() => video.currentTime);
    check(now >= place && now < place + 10, `at ${now} s after seeking ${place} s`);
  }
}
