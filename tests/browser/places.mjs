// The places of a film that a viewer points at, and those that the player leads past.
import { check, marked, until } from "./browser.mjs";

/** The chapter whose name says that it is the intro can be passed over. */
export async function skipIntro(page, shoot, see) {
  // It does not run on while the test looks.
  await page.$eval(marked("video"), (video) => {
    video.pause();
    video.currentTime = 0.2;
  });
  await page.waitForSelector(marked("skip"));
  await shoot("skip");
  check((await page.textContent(marked("skip"))) === "Skip intro", "what can be passed over is not called by its name");
  await page.click(marked("skip"));
  await until("the film goes on after the intro", 10_000, () => page.$eval(marked("video"), (video) => video.currentTime >= 1.9));
  await page.waitForSelector(marked("skip"), { state: "detached" });
  see("the intro can be passed over, the rest cannot");
}

/** Pointing at a place of the seek bar shows what the film shows there. */
export async function previewPlaces(page, shoot, see) {
  const bar = await page.locator(marked("seek")).boundingBox();
  const [places, chapters] = [[], []];
  for (const share of [0.02, 0.9]) {
    await page.mouse.move(bar.x + bar.width * share, bar.y + bar.height / 2);
    await page.waitForSelector(marked("preview"));
    places.push(await page.$eval(marked("preview"), (preview) => preview.style.backgroundPosition));
    chapters.push(await page.textContent(marked("chapter")));
  }
  check(places[0] !== places[1], `the beginning and the end look alike: ${places.join(" and ")}`);
  const marks = await page.locator(marked("chapter-mark")).count();
  check(chapters.join() === "Intro,Two" && marks === 1, `the bar shows ${marks} marks and the chapters ${chapters.join()}`);
  await shoot("preview");
  see(`the seek bar previews other pictures at other places: ${places.join(", ")}, and names the chapters`);
}
