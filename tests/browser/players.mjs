// Shaka Player, hls.js and dash.js play a title from the edge by every manifest that they know: rungs, languages, subtitles, seams.
//
// node players.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL HLS_BY_KEY_URL]
//
// The title has two languages of sound and subtitles that say "Words N" from half a second to two and a half seconds of every three. If
// it is protected, LICENCE_URL answers Clear Key requests, and the playlists at HLS_BY_KEY_URL say where the keys are. Exit code 0, or 1
// with the reason on standard error.
import { check, run, until } from "./browser.mjs";
import { SHOWN_TIMEOUT_MS, eachPlayer, play } from "./each-player.mjs";

const [hls, dash, length, licence, hlsByKey] = process.argv.slice(2);
const seconds = Number(length);

await run(async (see) => {
  check(seconds > 0, "usage: players.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL HLS_BY_KEY_URL]");
  await eachPlayer({ hls, dash, licence, hlsByKey }, see, async (page) => {
    const [heights, languages, texts] = await page.evaluate(() => [film.heights(), film.languages(), film.texts()]);
    check(new Set(heights).size >= 2 && new Set(languages).size === 2 && texts === 1, "it offers something else");
    await play(page);
    await switchRungs(page);
    await switchLanguage(page);
    await readWords(page);
    await crossSeams(page);
  });
});

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
