// What somebody sees, chooses and says on the pages comes to the server, and comes back from it.
//
// node taste.mjs BASE_URL EMAIL PASSWORD VIDEO_ID
//
// VIDEO_ID is the only title, ready and never watched. Exit code 0, or 1 with the reason on standard error.
import { check, marked, open, run, until } from "./browser.mjs";

const [base, email, password, id] = process.argv.slice(2);

/** Until a title that just became ready is recommended. */
const RECOMMENDED_TIMEOUT_MS = 120_000;

await run(async (see) => {
  check(id, "usage: taste.mjs BASE_URL EMAIL PASSWORD VIDEO_ID");
  const { browser, page, faults } = await open();
  try {
    const told = follow(page);
    await page.goto(`${base}/`);
    await page.fill(marked("email"), email);
    await page.fill(marked("password"), password);
    await page.click(marked("submit"));
    await chooseWhatIsRecommended(page, told, see);
    await say(page, told, see);
    await describe(page, see);
    await findMyList(page, told, see);
    check(faults.length === 0, `the pages misbehaved:\n${faults.join("\n")}`);
  } finally {
    await browser.close();
  }
});

/** The events that the server accepted, in order, without their ids. */
function follow(page) {
  const told = [];
  page.on("response", (response) => {
    if (new URL(response.url()).pathname !== "/v1/events" || response.request().method() !== "POST") return;
    const events = response.request().postDataJSON().events;
    for (const { id: _, happened_at: __, ...event } of events) told.push({ ...event, status: response.status() });
  });
  return told;
}

function count(told, kind) {
  return told.filter((event) => event.kind === kind && event.status === 202 && event.video_id === id).length;
}

async function chooseWhatIsRecommended(page, told, see) {
  await page.waitForSelector(marked("library"));
  const card = page.locator(`${marked("recommendation")}[data-id="${id}"]`);
  await until("the title is recommended", RECOMMENDED_TIMEOUT_MS, async () => {
    if ((await card.count()) > 0) return true;
    await page.reload();
    await page.waitForSelector(marked("library"));
    await page.waitForLoadState("networkidle");
    return false;
  });
  await until("the recommendation was seen", 10_000, () => count(told, "impression") > 0);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  check(count(told, "impression") === 1, `what was seen once was told ${count(told, "impression")} times`);
  await card.click();
  await page.waitForSelector(marked("title-page"));
  await until("the choice is told", 10_000, () => count(told, "click") === 1);
  const { row, place } = told.find(({ kind }) => kind === "click");
  check(row && place === 0, `it was chosen from place ${place} of ${row}`);
  see(`a recommendation that is seen for a second is told once, and so is its choice, at place ${place} of ${row}`);
}

async function say(page, told, see) {
  const pressed = () => page.$$eval(`${marked("taste")} button[aria-pressed="true"]`, (all) => all.map((button) => button.dataset.test).join());
  const press = async (name, kind, expected) => {
    const before = count(told, kind);
    await page.click(`${marked("taste")} ${marked(name)}`);
    await until(`${kind} is told`, 10_000, () => count(told, kind) === before + 1);
    check((await pressed()) === expected, `after ${kind} these are pressed: ${await pressed()}`);
  };
  await page.waitForSelector(marked("taste"));
  await press("like", "like", "like");
  await press("dislike", "dislike", "dislike");
  await press("list", "list", "dislike,list");
  await press("dislike", "unlike", "list");
  await press("like", "like", "like,list");
  await page.reload();
  await page.waitForSelector(marked("taste"));
  check((await pressed()) === "like,list", `after a reload these are pressed: ${await pressed()}`);
  await page.click(marked("play"));
  await page.waitForSelector(`${marked("player")} ${marked("taste")}`);
  check((await pressed()) === "like,list", `in the player these are pressed: ${await pressed()}`);
  await page.goto(`${base}/titles/${id}`);
  see("like, dislike and list say how they stand, after a reload and in the player too");
}

async function describe(page, see) {
  await page.fill(marked("facts-genres"), "Crime, Drama");
  await page.fill(marked("facts-year"), "1931");
  await page.fill(marked("facts-maturity_age"), "12");
  await page.click(marked("facts-save"));
  const line = page.locator(".hero-facts");
  await until("the facts are shown", 10_000, async () => /1931.*Crime, Drama.*12\+/s.test(await line.innerText()));
  await page.fill(marked("facts-language"), "German!");
  await page.click(marked("facts-save"));
  const refused = page.locator(marked("problem"));
  await refused.waitFor();
  check((await refused.getAttribute("data-code")) === "invalid_facts", "a language that is none is not refused");
  see("facts are written and shown, and a mistake is named");
}

async function findMyList(page, told, see) {
  await page.goto(`${base}/`);
  await page.waitForSelector(`${marked("my-list")} ${marked("listed")}[data-id="${id}"]`);
  await page.goto(`${base}/list`);
  await page.click(`${marked("my-list-page")} ${marked("listed")}[data-id="${id}"]`);
  await page.waitForSelector(marked("taste"));
  await page.click(`${marked("taste")} ${marked("list")}`);
  await until("the title is off the list", 10_000, () => count(told, "unlist") === 1);
  await page.goto(`${base}/list`);
  await page.waitForSelector(marked("blank"));
  see("what is on the list is found in the library and on its own page, until it is taken off");
}
