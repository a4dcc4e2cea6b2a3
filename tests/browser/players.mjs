// Shaka Player, hls.js and dash.js play a title from the edge by every manifest that they know: rungs, languages, subtitles, seams.
//
// node players.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL]
//
// The title has two languages of sound and subtitles that say "Words N" from half a second to two and a half seconds of every three. If
// it is protected, LICENCE_URL answers Clear Key requests. Exit code 0, or 1 with the reason on standard error.
import { check, open, run, until } from "./browser.mjs";

const [hls, dash, length, licence] = process.argv.slice(2);
const seconds = Number(length);

/** Until something is fetched and shown, on a slow machine. */
const SHOWN_TIMEOUT_MS = 30_000;
/** A page that may ask for keys: browsers want to know where it is from. */
const PAGE = "http://localhost/player";

const SCRIPTS = {
  shaka: "shaka-player/dist/shaka-player.compiled.js",
  hls: "hls.js/dist/hls.min.js",
  dash: "dashjs/dist/modern/umd/dash.all.min.js",
};
const PLAYS = [
  ["shaka", hls],
  ["shaka", dash],
  ["hls", hls],
  ["dash", dash],
];

await run(async (see) => {
  check(seconds > 0, "usage: players.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL]");
  for (const [name, manifest] of PLAYS) {
    const what = `${name} by ${manifest.endsWith(".mpd") ? "DASH" : "HLS"}`;
    const { browser, page, faults } = await open();
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} for ${new URL(response.url()).pathname}`);
    });
    try {
      await page.route(PAGE, (route) => route.fulfill({ contentType: "text/html", body: "<video muted></video>" }));
      await page.goto(PAGE);
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
      window.film = await openPlayer(player, video, url, server);
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
    await page.evaluate((wanted) => {
      video.currentTime = 1;
      film.choose(wanted);
    }, height);
    await until(`${height} lines are shown`, SHOWN_TIMEOUT_MS, () => page.evaluate((wanted) => video.videoHeight === wanted, height));
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
    video.currentTime = 3.2;
  });
  const words = () =>
    page.evaluate(() => {
      for (const track of video.textTracks) if (track.mode === "disabled") track.mode = "hidden";
      return Array.from(video.textTracks).some((track) => Array.from(track.cues ?? []).some((cue) => /Words \d+/.test(cue.text)));
    });
  await until("words are there", SHOWN_TIMEOUT_MS, words);
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
