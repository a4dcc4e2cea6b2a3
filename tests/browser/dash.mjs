// Shaka Player plays a title's DASH manifest from the edge: its rungs, languages, subtitles, seams and preview pictures.
//
// node dash.mjs MANIFEST_URL THUMBNAILS_URL SECONDS
//
// The title has two languages of sound and subtitles that say "Words N" from half a second to two and a half seconds of every three.
// Exit code 0, or 1 with the reason on standard error.
import { check, open, run, until } from "./browser.mjs";

const [manifest, thumbnails, length] = process.argv.slice(2);
const seconds = Number(length);

/** How far times may be from what was asked for: less than a frame. */
const TOLERANCE_S = 0.03;
/** Until something is fetched and shown, on a slow machine. */
const SHOWN_TIMEOUT_MS = 30_000;

await run(async (see) => {
  check(seconds > 0, "usage: dash.mjs MANIFEST_URL THUMBNAILS_URL SECONDS");
  const { browser, page, faults } = await open();
  const fetched = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (response.status() >= 400) faults.push(`${response.status()} for ${pathname}`);
    else fetched.push(pathname);
  });
  try {
    // On a slow machine it may come round before something was seen.
    await page.setContent("<video muted loop></video>");
    await page.addScriptTag({ path: new URL("node_modules/shaka-player/dist/shaka-player.compiled.js", import.meta.url).pathname });
    await load(page, see);
    await begin(page, see);
    await switchRungs(page, see);
    await switchLanguage(page, fetched, see);
    await readSubtitles(page, see);
    await crossSeams(page, see);
    await previewPlaces(page, see);
    await reachEnd(page, see);
    check(faults.length === 0, `the player met faults:\n${faults.join("\n")}`);
    see("nothing that it asked for was missing");
  } catch (error) {
    const state = await page.evaluate(() => JSON.stringify([window.complaints, video.currentTime, player?.getBufferedInfo()])).catch(String);
    throw new Error(`${error.message}\n${state}${faults.map((fault) => `\n${fault}`).join("")}`);
  } finally {
    await browser.close();
  }
});

async function load(page, see) {
  const offer = await page.evaluate(async (url) => {
    shaka.polyfill.installAll();
    window.complaints = [];
    window.video = document.querySelector("video");
    window.player = new shaka.Player();
    await player.attach(video);
    player.addEventListener("error", ({ detail }) => complaints.push(`${detail.code} ${detail.message}`));
    player.configure({ abr: { enabled: false } });
    await player.load(url);
    return {
      length: player.seekRange().end,
      heights: [...new Set(player.getVariantTracks().map(({ height }) => height))],
      languages: player.getAudioTracks().map(({ language }) => language),
      texts: player.getTextTracks().map(({ language }) => language),
      tiles: player.getImageTracks().map(({ tilesLayout }) => tilesLayout),
    };
  }, manifest);
  check(Math.abs(offer.length - seconds) < TOLERANCE_S, `it lasts ${offer.length} s, not ${seconds}`);
  check(offer.heights.length >= 2 && offer.texts.length === 1, `there are ${JSON.stringify(offer)}`);
  check(new Set(offer.languages).size === 2 && offer.tiles[0] === "5x5", `there are ${JSON.stringify(offer)}`);
  see(`it offers ${JSON.stringify(offer)}`);
}

/** Picture and sound begin at zero, and go on. */
async function begin(page, see) {
  await page.evaluate(() => video.play());
  await until("the film runs for a second", SHOWN_TIMEOUT_MS, () => page.evaluate(() => video.currentTime > 1 && video.videoWidth > 0));
  const starts = await page.evaluate(() => {
    const { audio, video } = player.getBufferedInfo();
    return [video[0].start, audio[0].start];
  });
  check(starts.every((start) => Math.abs(start) < TOLERANCE_S), `picture and sound begin at ${starts.join(" and ")} s`);
  check(starts[0] < 0.001, `the first picture is shown at ${starts[0]} s`);
  see(`picture and sound begin at ${starts.join(" and ")} s`);
}

async function switchRungs(page, see) {
  const heights = await page.evaluate(() => [...new Set(player.getVariantTracks().map(({ height }) => height))].sort((a, b) => a - b));
  const seen = [];
  for (const height of [heights[0], heights.at(-1), heights[0]]) {
    await page.evaluate((height) => {
      const active = player.getVariantTracks().find((track) => track.active);
      const same = (track) => track.height === height && track.language === active.language;
      player.selectVariantTrack(player.getVariantTracks().find(same), true);
    }, height);
    await until(`the picture has ${height} lines`, SHOWN_TIMEOUT_MS, () =>
      page.evaluate((height) => video.videoHeight === height && video.readyState >= 3, height),
    );
    seen.push(height);
  }
  see(`the picture went to ${seen.join(", ")} lines while it played`);
}

async function switchLanguage(page, fetched, see) {
  const before = fetched.length;
  const to = await page.evaluate(() => {
    const other = player.getAudioTracks().find((track) => !track.active);
    player.selectAudioTrack(other);
    return { language: other.language, label: other.label };
  });
  const sounds = () => [...new Set(fetched.slice(before).flatMap((path) => /\/a\/([^/]+)\/\d+\.m4s$/.exec(path)?.[1] ?? []))];
  await until(`sound in ${to.language} is fetched`, SHOWN_TIMEOUT_MS, () => sounds().some((id) => id.endsWith("-1")));
  const from = await page.evaluate(() => video.currentTime);
  await until(`sound in ${to.language} is played`, SHOWN_TIMEOUT_MS, () =>
    page.evaluate(
      ([language, from]) => {
        const there = player.getBufferedInfo().audio.some(({ start, end }) => start <= video.currentTime && video.currentTime < end);
        const active = player.getAudioTracks().find((track) => track.active);
        return there && active?.language === language && video.currentTime > from + 0.3;
      },
      [to.language, from],
    ),
  );
  see(`sound went to ${to.language} (${to.label}), from ${sounds().join(", ")}`);
}

async function readSubtitles(page, see) {
  await page.evaluate(() => player.selectTextTrack(player.getTextTracks()[0]));
  const number = Math.floor(seconds / 6);
  await page.evaluate((time) => (video.currentTime = time), number * 3 + 1);
  // What was shown before may still be there for a moment.
  await until(`the words of ${number * 3 + 1} s are shown`, SHOWN_TIMEOUT_MS, () =>
    page.evaluate((words) => {
      const shown = [...video.textTracks].filter(({ mode }) => mode !== "disabled");
      return shown.flatMap(({ activeCues }) => [...(activeCues ?? [])].map((cue) => cue.getCueAsHTML().textContent)).join() === words;
    }, `Words ${number}`),
  );
  see(`at ${number * 3 + 1} s it shows its words alone`);
}

/** Segments begin at two seconds, then every six: it plays over each of their seams. */
async function crossSeams(page, see) {
  const seams = [];
  for (let seam = 2; seam < seconds - 1; seam += 6) {
    await page.evaluate((time) => (video.currentTime = time), seam - 0.4);
    await until(`it plays over ${seam} s`, SHOWN_TIMEOUT_MS, () =>
      page.evaluate((seam) => !video.seeking && video.currentTime > seam + 0.3 && video.currentTime < seam + 3, seam),
    );
    seams.push(seam);
  }
  const gaps = await page.evaluate(() => player.getStats().gapsJumped + player.getStats().stallsDetected);
  check(gaps === 0, `it jumped over ${gaps} gaps`);
  see(`it played over the seams at ${seams.join(", ")} s without a gap`);
}

/** The manifest's own tiles, and the same by their index. */
async function previewPlaces(page, see) {
  const [own, indexed] = await page.evaluate(
    async ([url, times]) => {
      const at = (id) => Promise.all(times.map((time) => player.getThumbnails(id, time)));
      const shown = async ({ uris, positionX, positionY, width, height, startTime, duration }) => {
        const image = await createImageBitmap(await (await fetch(uris[0].split("#")[0])).blob());
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.drawImage(image, positionX, positionY, width, height, 0, 0, 1, 1);
        const inside = positionX + width <= image.width && positionY + height <= image.height;
        return { place: [positionX, positionY], startTime, duration, inside, colour: [...canvas.getImageData(0, 0, 1, 1).data] };
      };
      const own = player.getImageTracks()[0].id;
      const added = await player.addThumbnailsTrack(url, "text/vtt");
      return [await Promise.all((await at(own)).map(shown)), await Promise.all((await at(added.id)).map(shown))];
    },
    [thumbnails, [3, seconds - 2]],
  );
  check(own.every((tile) => tile.inside) && own[0].startTime === 0 && own[1].startTime > 3, `tiles are ${JSON.stringify(own)}`);
  check(own[0].place.join() !== own[1].place.join(), "beginning and end have the same tile");
  const colours = (tiles) => JSON.stringify(tiles.map(({ colour }) => colour));
  check(colours(own) === colours(indexed), `tiles are ${JSON.stringify(own)}, by their index ${JSON.stringify(indexed)}`);
  see(`tiles of the manifest: ${own.map(({ startTime, place }) => `${startTime} s at ${place}`).join("; ")}; their index names the same`);
}

async function reachEnd(page, see) {
  await page.evaluate((time) => {
    video.loop = false;
    video.currentTime = time;
  }, seconds - 1.5);
  await until("the film ends", SHOWN_TIMEOUT_MS, () => page.evaluate(() => video.ended));
  const end = await page.evaluate(() => video.currentTime);
  check(Math.abs(end - seconds) < 0.1, `it ended at ${end} s`);
  const complaints = await page.evaluate(() => window.complaints);
  check(complaints.length === 0, `it complained: ${complaints.join(", ")}`);
  see(`it ended at ${end.toFixed(2)} s`);
}
