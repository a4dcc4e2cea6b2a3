// Players play a title that a server of content steering sends them elsewhere for, and go there if they can: to a host that is not the
// one that the playlist came from.
//
// node steering.mjs HLS_URL STEERING_PORT
//
// The title, of more than ten seconds, says that it is steered by this script, which listens on the port of that number. Exit code 0, or
// 1 with the reason on standard error.
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
/** How each player is opened. None must have all of the film before it knows where to get it. */
const PLAYERS = {
  "hls.js": {
    file: "hls.js/dist/hls.min.js",
    // It may stand still for ever where it is sent elsewhere while it loads its first segments.
    follows: true,
    begin: (url) => {
      const player = new Hls({ maxBufferLength: 2, maxMaxBufferLength: 2 });
      player.loadSource(url);
      player.attachMedia(video);
    },
  },
  "Shaka Player": {
    file: "shaka-player/dist/shaka-player.compiled.js",
    // It asks before it begins, and then takes hosts for addresses that are whole alone; ours are relative.
    follows: false,
    begin: async (url) => {
      shaka.polyfill.installAll();
      const player = new shaka.Player();
      await player.attach(video);
      player.configure({ streaming: { bufferingGoal: 2, rebufferingGoal: 1 } });
      await player.load(url);
    },
  },
};

await run(async (see) => {
  check(Number(port) > 0, "usage: steering.mjs HLS_URL STEERING_PORT");
  let [asked, runs] = [0, Promise.resolve()];
  const server = createServer(async (_, response) => {
    asked += 1;
    await runs;
    response.setHeader("access-control-allow-origin", "*").setHeader("content-type", "application/json");
    response.end(JSON.stringify(STEERED));
  });
  await new Promise((listening) => server.listen(Number(port), "127.0.0.1", listening).unref());
  for (const [name, player] of Object.entries(PLAYERS)) {
    let running = () => undefined;
    [asked, runs] = [0, player.follows ? new Promise((resolve) => (running = resolve)) : Promise.resolve()];
    const fetched = await follow(player, running).catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    check(asked > 0, `${name} asked nobody where to go`);
    see(`${name} was sent to ${OTHER}, and had ${fetched} segments from there`);
  }
  server.close();
});

/** Plays the title, and calls `running` when it does; answers how many segments came from where it was sent. */
async function follow({ file, follows, begin }, running) {
  const { browser, page, faults } = await open();
  const fetched = [];
  page.on("response", (response) => {
    const { hostname, pathname } = new URL(response.url());
    if (response.status() >= 400) faults.push(`${response.status()} for ${pathname}`);
    if (pathname.endsWith(".m4s")) fetched.push(hostname);
  });
  const there = () => fetched.filter((hostname) => hostname === OTHER).length;
  try {
    await page.setContent("<video muted autoplay></video>");
    await page.addScriptTag({ path: new URL(`node_modules/${file}`, import.meta.url).pathname });
    await page.evaluate(() => void (window.video = document.querySelector("video")));
    await page.evaluate(begin, hls);
    await until("the film runs", SHOWN_TIMEOUT_MS, () => page.evaluate(() => video.currentTime > 1));
    running();
    if (follows) await until("segments come from the other host", SHOWN_TIMEOUT_MS, () => there() > 0);
    await until("it runs on", SHOWN_TIMEOUT_MS, () => page.evaluate(() => video.currentTime > 4));
    check(faults.length === 0, `the player met faults:\n${faults.join("\n")}`);
    return there();
  } catch (error) {
    throw new Error(`${error.message}\n${JSON.stringify(fetched)}${faults.map((fault) => `\n${fault}`).join("")}`);
  } finally {
    await browser.close();
  }
}
