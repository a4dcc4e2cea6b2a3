// The page shows what was recommended last.
//
// node recommended.mjs BASE_URL EMAIL PASSWORD VIDEO_ID
//
// The video comes first in the row of best ones, with its reason. Exit code 0, or 1 with the reason on standard error.
import { check, marked, open, run } from "./browser.mjs";

const [base, email, password, id] = process.argv.slice(2);

await run(async (see) => {
  check(id, "usage: recommended.mjs BASE_URL EMAIL PASSWORD VIDEO_ID");
  const { browser, page, faults } = await open();
  try {
    await page.goto(`${base}/`);
    await page.fill(marked("email"), email);
    await page.fill(marked("password"), password);
    await page.click(marked("submit"));
    const first = page.locator(`${marked("row")}[data-row="top"] ${marked("recommendation")}`).first();
    await first.waitFor();
    check((await first.getAttribute("data-id")) === id, `another title comes first: ${await first.textContent()}`);
    see(`the page shows first: ${(await first.textContent()).trim()}`);
    check(faults.length === 0, `the pages misbehaved:\n${faults.join("\n")}`);
  } finally {
    await browser.close();
  }
});
