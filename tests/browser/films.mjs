// Shaka Player, hls.js and dash.js play any title to its end, by every manifest that they know.
//
// node films.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL HLS_BY_KEY_URL]
//
// If the title is protected, LICENCE_URL answers Clear Key requests, and the playlists at HLS_BY_KEY_URL say where the keys are. Exit
// code 0, or 1 with the reason on standard error.
import { check, run, until } from "./browser.mjs";
import { SHOWN_TIMEOUT_MS, begin, eachPlayer, noComplaint } from "./each-player.mjs";

const [hls, dash, length, licence, hlsByKey] = process.argv.slice(2);
const seconds = Number(length);

/** What is watched of its beginning and of its end. */
const WATCHED_S = 2;
/** How far the end that is seen may be from what the title says: a frame of ten a second, and one of sound. */
const END_S = 0.15;

await run(async (see) => {
  check(seconds > 0, "usage: films.mjs HLS_URL DASH_URL SECONDS [LICENCE_URL HLS_BY_KEY_URL]");
  await eachPlayer({ hls, dash, licence, hlsByKey }, see, async (page) => {
    // A player may go back from an end that it reached before all was buffered (dash.js does, on a machine that is full).
    await page.evaluate(() => video.addEventListener("timeupdate", () => (window.end = Math.max(window.end ?? 0, video.currentTime))));
    await begin(page);
    await reach(page, Math.min(WATCHED_S, seconds / 2));
    if (seconds > 2 * WATCHED_S) await page.evaluate((place) => (video.currentTime = place), seconds - WATCHED_S);
    await reach(page, seconds - END_S);
    await noComplaint(page);
    const [end, frames] = await page.evaluate(() => [window.end, video.getVideoPlaybackQuality().totalVideoFrames]);
    check(end < seconds + END_S && frames > 0, `it ends at ${end} s after ${frames} pictures, not at ${seconds} s`);
  });
});

async function reach(page, place) {
  const reached = (wanted) => video.currentTime >= wanted || window.end >= wanted;
  await until(`the film runs to ${place} s`, SHOWN_TIMEOUT_MS, () => page.evaluate(reached, place));
}
