// Players go where a server of content steering sends them: to a host that is not the one that the playlist came from.
//
// node steering.mjs HLS_URL STEERING_PORT
//
// The title, of more than ten seconds, says that it is steered by this script, which listens on the port of that number. Exit code 0, or 1 with the reason on
// standard error.
import { createServer } from "node:http";
import { check, open, run, until } from "./browser.mjs";

const [hls, port] = process.argv.slice(2);

/** Until something is fetched and shown, on a slow machine. */
const SHOWN_TIMEOUT_MS = 30_000;
/** Another name of the edge's host. */
const OTHER = "localhost";
const STEERED = {
  VERSION: 1,
  TTL: 300,
  "PATHWAY-PRIORITY": ["other", "main"],
  "PATHWAY-CLONES": [{ "BASE-ID": "main", ID: "other", "URI-REPLACEMENT": { HOST: OTHER } }],
};

await run(async (see) => {
  check(Number(port) > 0, "usage: steering.mjs HLS_URL STEERING_PORT");
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.setHeader("access-control-allow-origin", "*").setHeader("content-type", "application/json");
    response.end(JSON.stringify(STEERED));
  });
  await new Promise((listening) => server.listen(Number(port), "127.0.0.1", listening).unref());
  const { browser, page, faults } = await open();
  const fetched = [];
  page.on("response", (response) => {
    const { hostname, pathname } = new URL(response.url());
    if (response.status() >= 400) faults.push(`${response.status()} for ${pathname}`);
    if (/\.(m3u8|m4s|mp4)$/.test(pathname)) fetched.push({ hostname, pathname });
  });
  try {
    await page.setContent("<video muted></video>");
    await page.addScriptTag({ path: new URL("node_modules/hls.js/dist/hls.min.js", import.meta.url).pathname });
    await page.evaluate((url) => {
      window.video = document.querySelector("video");
      // It must not have all of the film before it knows where to get it.
      const player = new Hls({ maxBufferLength: 2, maxMaxBufferLength: 2 });
      player.loadSource(url);
      player.attachMedia(video);
      player.on(Hls.Events.MANIFEST_PARSED, () => void video.play());
    }, hls);
    await until("the film runs", SHOWN_TIMEOUT_MS, () => page.evaluate(() => video.currentTime > 1));
    check(asked.length > 0, "nobody asked where to go");
    see(`the player asked for ${asked[0]}`);
    const media = () => fetched.filter(({ hostname, pathname }) => hostname === OTHER && pathname.endsWith(".m4s"));
    await until("segments come from the other host", SHOWN_TIMEOUT_MS, () => media().length > 0);
    see(`it went to ${OTHER} for ${media().length} segments`);
    check(faults.length === 0, `the player met faults:\n${faults.join("\n")}`);
  } catch (error) {
    throw new Error(`${error.message}\n${JSON.stringify([asked, fetched.slice(-10)])}${faults.map((fault) => `\n${fault}`).join("")}`);
  } finally {
    await browser.close();
    server.close();
  }
});
