// What somebody sees, chooses and says on the pages comes to the server, and comes back from it.
//
// node taste.mjs BASE_URL EMAIL PASSWORD VIDEO_ID OTHER_ID THIRD_ID
//
// These are the only titles, ready and never watched. Exit code 0, or 1 with the reason on standard error.
import { isDeepStrictEqual } from "node:util";
import { check, marked, open, run, until } from "./browser.mjs";

const [base, email, password, id, other, third] = process.argv.slice(2);

/** Until titles that just became ready are recommended. */
const RECOMMENDED_TIMEOUT_MS = 120_000;

await run(async (see) => {
  check(third, "usage: taste.mjs BASE_URL EMAIL PASSWORD VIDEO_ID OTHER_ID THIRD_ID");
  const { browser, page, faults } = await open();
  try {
    await untilRecommended();
    const told = follow(page);
    await page.goto(`${base}/`);
    await page.fill(marked("email"), email);
    await page.fill(marked("password"), password);
    await page.click(marked("submit"));
    await chooseWhatIsRecommended(page, told, see);
    await say(page, told, see);
    await describe(page, see);
    await nameChapters(page, see);
    await chooseMoreLikeIt(page, told, see);
    await comeBackFromFilm(page, told, see);
    await goOnWithoutRecommendations(page, see);
    await search(page, told, see);
    await findMyList(page, told, see);
    await setRules(page, see);
    check(faults.length === 0, `the pages misbehaved:\n${faults.join("\n")}`);
  } finally {
    await browser.close();
  }
});

/** Waits until what the pages are going to ask for has all titles. */
async function untilRecommended() {
  const ask = async (path, init) => (await fetch(`${base}/v1/${path}`, init)).json();
  const body = JSON.stringify({ email, password });
  const { access_token } = await ask("users/login", { method: "POST", headers: { "content-type": "application/json" }, body });
  const headers = { authorization: `Bearer ${access_token}` };
  const { profiles } = await ask("users/me", { headers });
  await until("all titles are recommended", RECOMMENDED_TIMEOUT_MS, async () => {
    const { rows } = await ask(`recommendations/${profiles[0].id}/rows`, { headers });
    return rows.find(({ row }) => row === "top")?.items.length === 3;
  });
}

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

/** The card of title `of` in a row of recommendations. */
function cardIn(page, row, of) {
  return page.locator(`${marked("row")}[data-row="${row}"] ${marked("recommendation")}[data-id="${of}"]`);
}

/** What the page was answered last when it asked for rows, or for the one called `row`. */
function followRows(page, row) {
  const answers = [];
  page.on("response", async (response) => {
    const { pathname, searchParams } = new URL(response.url());
    const asked = row ? searchParams.get("row") === row : pathname.endsWith("/rows");
    if (pathname.startsWith("/v1/recommendations/") && asked) answers.push(await response.json());
  });
  return answers;
}

/** What is told of `item` at its place in `row`, as the answer says it was chosen. */
function placed(kind, answer, row, of) {
  const place = row.items.findIndex((item) => item.id === of);
  const { propensity } = row.items[place];
  const model = answer.model_id === null ? {} : { model_id: answer.model_id };
  return { ...model, propensity, video_id: of, kind, row: row.row, place, status: 202 };
}

/** Whether `told` has `event` once, and nothing else of its kind, row and title. */
function isToldOnce(told, event) {
  const alike = told.filter(({ kind, row, video_id }) => kind === event.kind && row === event.row && video_id === event.video_id);
  return alike.length === 1 && isDeepStrictEqual(alike[0], event);
}

async function chooseWhatIsRecommended(page, told, see) {
  const answers = followRows(page, null);
  await page.waitForSelector(`${marked("library")} ${marked("row")}`);
  const answer = answers.at(-1);
  const headings = await page.$$eval(`${marked("row")} h2`, (all) => all.map((heading) => heading.textContent));
  check(headings.length > 1 && headings[0] === "Top picks", `the rows are called ${headings}`);
  check(headings.join() === answer.rows.map(({ title }) => title).join(), `the rows are called ${headings}, which was not answered`);
  const seen = answer.rows.flatMap((row) => row.items.map((item) => placed("impression", answer, row, item.id)));
  await until("the recommendations were seen", 10_000, () => seen.every((event) => isToldOnce(told, event)));
  await new Promise((resolve) => setTimeout(resolve, 2500));
  check(seen.every((event) => isToldOnce(told, event)), "what was seen once was told more often");
  await walkAlong(page, answer.rows[0]);
  await page.keyboard.press("Enter");
  await page.waitForSelector(marked("title-page"));
  const chosen = placed("click", answer, answer.rows[0], answer.rows[0].items[1].id);
  await until("the choice is told", 10_000, () => isToldOnce(told, chosen));
  await page.goto(`${base}/titles/${id}`);
  see(`rows called ${headings.join(", ")}: what is seen for a second is told once, and so is its choice, as it was chosen`);
}

/** Goes along `row` by the keys of a remote control. */
async function walkAlong(page, row) {
  const focused = () => page.evaluate(() => ({ id: document.activeElement.dataset.id, row: document.activeElement.closest("[data-row]")?.dataset.row }));
  await cardIn(page, row.row, row.items[0].id).focus();
  await page.keyboard.press("ArrowRight");
  check(isDeepStrictEqual(await focused(), { id: row.items[1].id, row: row.row }), "a row cannot be walked along by arrow keys");
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

async function nameChapters(page, see) {
  const [text, save] = [page.locator(marked("chapters-text")), page.locator(marked("chapters-save"))];
  await text.fill("Intro");
  check(await save.isDisabled(), "a line without a time can be saved");
  await text.fill("0:00 Intro\n0:00.5 The rest");
  await save.click();
  // They are shown as the title has them, once it does.
  const kept = async () => (await text.inputValue()) === "0:00 Intro\n0:00.500 The rest";
  await until("the title has the chapters", RECOMMENDED_TIMEOUT_MS, kept);
  see("chapters are written as lines, and become the title's");
}

async function chooseMoreLikeIt(page, told, see) {
  const name = `like:${id}`;
  const answers = followRows(page, name);
  await page.goto(`${base}/titles/${id}`);
  const card = cardIn(page, name, other);
  await card.waitFor();
  const heading = await page.locator(`${marked("row")}[data-row="${name}"] h2`).innerText();
  check(heading === "More like this", `what is like the title is called ${heading}`);
  await card.click();
  await page.waitForURL(`${base}/titles/${other}`);
  const answer = answers.at(-1);
  await until("the choice is told", 10_000, () => isToldOnce(told, placed("click", answer, answer, other)));
  see("a title shows what is like it, and tells which of that was chosen");
}

async function comeBackFromFilm(page, told, see) {
  const answers = followRows(page, null);
  await page.goto(`${base}/`);
  await until("rows are shown", 10_000, () => answers.length === 1);
  await page.click(`${marked("library")} ${marked("card")}[data-id="${other}"]`);
  await page.click(marked("play"));
  await until("it is told that the film began", 30_000, () => told.some((event) => event.kind === "start" && event.video_id === other));
  await page.evaluate((video) => (document.querySelector(video).currentTime = 1e6), marked("video"));
  await page.waitForSelector(`${marked("player")}[data-phase="ended"]`);
  await cardIn(page, `like:${other}`, third).waitFor();
  await page.goBack();
  await page.waitForSelector(marked("title-page"));
  await page.click(".wordmark");
  await page.waitForSelector(marked("library"));
  await until("rows are asked for again", 10_000, () => answers.length === 2);
  const top = answers[1].rows.find(({ row }) => row === "top");
  check(!top?.items.some((item) => item.id === other), "what was watched a moment ago is still a top pick");
  await until("the rows are the new ones", 10_000, async () => (await cardIn(page, "top", other).count()) === 0);
  see("the end of a film offers more like it, and the library is another one afterwards");
}

async function goOnWithoutRecommendations(page, see) {
  const away = "**/v1/recommendations/**";
  await page.route(away, (route) => route.abort());
  for (const [path, shown] of [["/", "card"], [`/titles/${id}`, "play"]]) {
    const refused = page.waitForEvent("requestfailed", (request) => request.url().includes("/v1/recommendations/"));
    await page.goto(`${base}${path}`);
    await refused;
    await page.waitForSelector(marked(shown));
    check((await page.locator(`${marked("row")}, ${marked("problem")}`).count()) === 0, `${path} shows what it could not get`);
  }
  await page.unroute(away);
  see("where no recommendations can be had, the library and the titles are all there");
}

async function search(page, told, see) {
  const find = async (text) => {
    await page.fill(marked("search"), text);
    await page.press(marked("search"), "Enter");
  };
  await find("nothing like it");
  await page.waitForSelector(`${marked("blank")} h1:text("Nothing found")`);
  await find("drama MURDERER");
  const card = page.locator(`${marked("found")} ${marked("card")}`);
  await card.first().waitFor();
  const ids = await card.evaluateAll((all) => all.map(({ dataset }) => dataset.id));
  check(ids.join() === id, `a search finds ${ids}`);
  await card.click();
  await page.waitForURL(`${base}/titles/${id}`);
  await until("the choice is told", 10_000, () => count(told, "search_click") === 1);
  await page.goBack();
  await card.waitFor();
  check((await page.inputValue(marked("search"))) === "drama MURDERER", "the box has forgotten what was searched for");
  check(count(told, "search_click") === 1, "what was chosen once was told twice");
  see("a search finds a title by its name and its genre, and tells that it was chosen");
}

async function setRules(page, see) {
  const answers = followRows(page, null);
  await page.goto(`${base}/account`);
  await page.fill(marked("rules-age"), "6");
  await page.fill(marked("rules-genres"), "Horror, War");
  await page.click(marked("rules-save"));
  await page.waitForSelector(`${marked("rules")} [role=status]:text("Saved")`);
  await page.reload();
  await page.waitForSelector(marked("rules"));
  const kept = [await page.inputValue(marked("rules-age")), await page.inputValue(marked("rules-genres"))];
  check(kept.join("; ") === "6; Horror, War", `after a reload these rules are kept: ${kept.join("; ")}`);
  await page.click(".wordmark");
  await page.waitForSelector(`${marked("library")} ${marked("card")}`);
  await until("rows are asked for", 10_000, () => answers.length === 1);
  check(answers[0].rows.every(({ items }) => items.length === 0), "a title that was not rated is recommended to a child");
  check((await page.locator(marked("row")).count()) === 0, "rows without a title are shown");
  see("rules of a profile are kept, and what they forbid is not recommended: a row without a title is not shown");
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
