// Players play a title that a server of content steering sends them elsewhere for, and go there if they can: to a host that is not the
// one that the playlist came from.
//
// node steering.mjs HLS_URL DASH_URL STEERING_PORT
//
// The title, of more than ten seconds, says that it is steered by this script, which listens on the port of that number. Exit code 0, or
// 1 with the reason on standard error.
import { createServer } from "node:http";
import { check, open, run, until } from "./browser.mjs";

const [hls, dash, port] = process.argv.slice(2);

/** Until something is fetched and shown, on a slow machine. */
const SHOWN_TIMEOUT_MS = 30_000;
/** Another name of the edge's host. */
const OTHER = "localhost";
/** What the server says: another host has the same. */
const steered = (host) => ({
  VERSION: 1,
  TTL: 300,
  "PATHWAY-PRIORITY": ["other", "main"],
  "PATHWAY-CLONES": [{ "BASE-ID": "main", ID: "other", "URI-REPLACEMENT": { HOST: host } }],
});
/** Shaka Player asks, and then takes hosts for addresses that are whole alone; ours are relative. It has to play all the same. */
const SHAKA = {
  file: "shaka-player/dist/shaka-player.compiled.js",
  follows: false,
  begin: async (url) => {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    await player.attach(video);
    player.configure({ streaming: { bufferingGoal: 2, rebufferingGoal: 1 } });
    await player.load(url);
  },
};
/** How each player is opened. None must have all of the film before it knows where to get it. */
const PLAYERS = {
  "hls.js": {
    url: hls,
    file: "hls.js/dist/hls.min.js",
    // It may stand still for ever where it is sent elsewhere while it loads its first segments.
    follows: true,
    begin: (url) => {
      const player = new Hls({ maxBufferLength: 2, maxMaxBufferLength: 2 });
      player.loadSource(url);
      player.attachMedia(video);
    },
  },
  "dash.js": {
    url: dash,
    file: "dashjs/dist/modern/umd/dash.all.min.js",
    follows: true,
    begin: (url) => {
      const player = dashjs.MediaPlayer().create();
      const buffer = { bufferTimeDefault: 2, bufferTimeAtTopQuality: 2, bufferTimeAtTopQualityLongForm: 2 };
      player.updateSettings({ streaming: { buffer } });
      player.initialize(video, url, true);
    },
  },
  "Shaka Player by HLS": { url: hls, ...SHAKA },
  "Shaka Player by DASH": { url: dash, ...SHAKA },
};

await run(async (see) => {
  check(Number(port) > 0, "usage: steering.mjs HLS_URL DASH_URL STEERING_PORT");
  // Of a host, HLS changes the name alone, and DASH takes what is said for all of it.
  const { port: edge } = new URL(dash);
  let [asked, runs, clone] = [0, Promise.resolve(), OTHER];
  const server = createServer(async (_, response) => {
    asked += 1;
    await runs;
    response.setHeader("access-control-allow-origin", "*").setHeader("content-type", "application/json");
    response.end(JSON.stringify(steered(clone)));
  });
  await new Promise((listening) => server.listen(Number(port), "127.0.0.1", listening).unref());
  for (const [name, player] of Object.entries(PLAYERS)) {
    let running = () => undefined;
    clone = player.url === dash && player.follows ? `${OTHER}:${edge}` : OTHER;
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
async function follow({ url, file, follows, begin }, running) {
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
    await page.evaluate(begin, url);
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
