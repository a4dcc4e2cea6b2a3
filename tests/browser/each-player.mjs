// Shaka Player, hls.js and dash.js, each in a page of its own with a title that it loaded.
import { createServer } from "node:http";
import { check, open, until } from "./browser.mjs";

/** Until something is fetched and shown, on a slow machine. */
export const SHOWN_TIMEOUT_MS = 30_000;

const SCRIPTS = {
  shaka: "shaka-player/dist/shaka-player.compiled.js",
  hls: "hls.js/dist/hls.min.js",
  dash: "dashjs/dist/modern/umd/dash.all.min.js",
};

/**
 * Lets every player load the title by every manifest that it knows, and calls `watch` with its page, in which `video` shows the title and
 * `film` is what the player can do. A protected title has the address `licence`, which answers Clear Key requests, and `hlsByKey`, where
 * playlists say where the keys are. Fails if `watch` does, or if anything that the player fetched was refused.
 */
export async function eachPlayer({ hls, dash, licence, hlsByKey }, see, watch) {
  // In HLS Shaka knows Clear Key by the keys' addresses alone.
  const plays = [["shaka", hlsByKey ?? hls], ["shaka", dash], ["hls", hls], ["dash", dash]];
  // Browsers open keys only for pages of which they know where they are from.
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<video muted></video>"));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening).unref());
  for (const [name, manifest] of plays) {
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
      see(`${what} offers ${JSON.stringify(await load(page, name, manifest, licence))}`);
      await watch(page);
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
}

async function load(page, ...request) {
  await page.evaluate(([player, url, server]) => {
    window.video = document.querySelector("video");
    // Players refuse with objects that say nothing once they left the page.
    openPlayer(player, video, url, server).then(
      (loaded) => (window.film = loaded),
      (error) => complain(JSON.stringify(error)),
    );
  }, request);
  await until("the title is loaded", SHOWN_TIMEOUT_MS, async () => {
    await noComplaint(page);
    return page.evaluate(() => Boolean(window.film));
  });
  return page.evaluate(() => ({ heights: film.heights(), languages: film.languages(), texts: film.texts() }));
}

/** Waits until the film runs on from where it is, frame by frame, without a complaint. */
export async function play(page) {
  const shown = () => page.evaluate(() => [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames]);
  await begin(page);
  const [before, frames] = await shown();
  await until("the film runs for a second", SHOWN_TIMEOUT_MS, async () => {
    const [now, decoded] = await shown();
    return now > before + 1 && decoded > frames + 10;
  });
  await noComplaint(page);
}

/** Asks for the film to run; a complaint if it may not. Whoever waits for the answer of `video` waits for the first picture. */
export async function begin(page) {
  await page.evaluate(() => void video.play().catch(complain));
}

/** The player has nothing to complain of. */
export async function noComplaint(page) {
  const complaints = await page.evaluate(() => window.complaints ?? []);
  check(complaints.length === 0, `it complains: ${complaints.join(", ")}`);
}
