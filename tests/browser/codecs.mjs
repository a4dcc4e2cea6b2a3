// What a browser takes of a title that is there in several codecs: AV1 if it knows it, H.264 if it does not.
//
// node codecs.mjs BASE_URL EMAIL PASSWORD VIDEO_ID
//
// Exit code 0, or 1 with the reason on standard error.
import { check, marked, open, run, until } from "./browser.mjs";

const [base, email, password, id] = process.argv.slice(2);

await run(async (see) => {
  check(id, "usage: codecs.mjs BASE_URL EMAIL PASSWORD VIDEO_ID");
  see(`a browser that knows AV1 plays ${await played("av1", () => undefined)}`);
  see(`one that does not plays ${await played("h264", knowsOnlyH264)}`);
});

/** Runs in the page: it hides that the browser knows more than H.264. */
function knowsOnlyH264() {
  const isOther = (type) => /av01|hvc1|hev1/.test(type);
  const isTypeSupported = MediaSource.isTypeSupported.bind(MediaSource);
  MediaSource.isTypeSupported = (type) => !isOther(type) && isTypeSupported(type);
  const decodingInfo = navigator.mediaCapabilities.decodingInfo.bind(navigator.mediaCapabilities);
  navigator.mediaCapabilities.decodingInfo = async (config) => {
    const known = await decodingInfo(config);
    return isOther(config.video?.contentType ?? "") ? { ...known, supported: false, smooth: false, powerEfficient: false } : known;
  };
}

/** Plays the title in a new browser that `prepare` has changed; answers the rungs that were fetched, all of which are of `codec`. */
async function played(codec, prepare) {
  const { browser, page, faults } = await open();
  try {
    const rungs = new Set();
    page.on("request", (request) => {
      const found = /\/v\/([^/]+)\/\d+\.m4s$/.exec(new URL(request.url()).pathname);
      if (found) rungs.add(found[1]);
    });
    await page.addInitScript(prepare);
    await page.goto(`${base}/watch/${id}`);
    await page.fill(marked("email"), email);
    await page.fill(marked("password"), password);
    await page.click(marked("submit"));
    await until("the film runs for two seconds", 60_000, () =>
      page.$eval(marked("video"), (video) => video.currentTime > 2 && video.videoWidth > 0 && !video.error).catch(() => false),
    );
    const others = [...rungs].filter((rung) => (rung.match(/-(av1|hevc)/)?.[1] ?? "h264") !== codec);
    check(rungs.size > 0 && others.length === 0, `of ${[...rungs].join(", ")} not all are ${codec}`);
    check(faults.length === 0, `the pages misbehaved:\n${faults.join("\n")}`);
    return [...rungs].join(", ");
  } finally {
    await browser.close();
  }
}
