// Walks the page in a real browser: the first run with the code and a real PBX (first.mjs), calls that come up while the page is
// open (calls.mjs), then every page that can be reached from the first one (GET only), as the owner. tests/tests/page_browser.rs
// starts it, does what a line `PLEASE …` asks for (a phone that dials), and says in the environment:
//
//   PAGE_URL, PAGE_CODE, PAGE_PASSWORD   where the page is, and what to type
//   PAGE_PBX                             the address of the PBX that asks the box for signs of life
//   PAGE_CHROMIUM                        the browser
//   TRUNKGUARD_SCREENSHOTS               a folder for pictures of every page; none are made without it
//
// Prints one line per page and `figure:` lines; exits with 1 and a list where a page breaks a rule:
//   axe-core finds no violation (WCAG 2.2 A and AA, best practices), in light and dark, wide and narrow;
//   nothing is written to the console, nothing breaks the Content-Security-Policy, nothing fails to load;
//   no sideways scrolling at 390 px; every control is reached by the Tab key and none keeps it;
//   without JavaScript there are the same headings; the first page weighs less than 150 KiB with all that it loads.
import { base, browser, look, open, problems, tab, VIEWS, wrong } from "./browser.mjs";
import { calls } from "./calls.mjs";
import { setUp } from "./first.mjs";
import { forms } from "./forms.mjs";
import { paint } from "./paint.mjs";

const MOST_PAGES = 150;
const MOST_OF_ONE_PATH = 3;
const { context, page } = await open();
const walking = performance.now();
await setUp(page);
await calls(page);
await forms(page);

const headings = () => page.evaluate(() => [...document.querySelectorAll("h1, h2")].map((e) => e.innerText.trim()));
const queue = ["/", "/welcome"];
const known = new Set(queue);
const ofPath = new Map();
const walked = [];
while (queue.length > 0 && walked.length < MOST_PAGES) {
  const where = queue.shift();
  const answer = await page.goto(base + where).catch((error) => error);
  if (answer instanceof Error) {
    // What is downloaded is no page.
    if (!/download/i.test(answer.message)) wrong(where, answer.message);
    continue;
  }
  if (!(answer.headers()["content-type"] ?? "").startsWith("text/html")) continue;
  const h1 = await page.locator("h1").count();
  if (h1 !== 1) wrong(where, `${h1} headings of the first level`);
  for (const view of VIEWS) await look(page, where, view);
  await page.setViewportSize({ width: 1280, height: 900 });
  walked.push({ where, headings: await headings() });
  const links = await page.evaluate(() => [...document.querySelectorAll("a[href]:not([download])")].map((a) => a.href));
  const controls = await tab(page, where);
  console.log(`${where}: ${controls} controls`);
  for (const link of links) {
    if (!link.startsWith(`${base}/`)) continue;
    const next = link.slice(base.length).replace(/#.*/, "");
    const path = next.replace(/\?.*/, "").replace(/\d+/g, "N");
    const seen = ofPath.get(path) ?? 0;
    if (known.has(next) || seen >= MOST_OF_ONE_PATH) continue;
    known.add(next);
    ofPath.set(path, seen + 1);
    queue.push(next);
  }
}
console.log(`figure: pages_walked ${walked.length}`);

// Without JavaScript, in the same session.
const cookies = await context.cookies();
await page.goto("about:blank");
const plain = await open({ javaScriptEnabled: false });
await plain.context.addCookies(cookies);
for (const { where, headings: wanted } of walked) {
  await plain.page.goto(base + where);
  const got = await plain.page.locator("h1, h2").allInnerTexts();
  const same = (a, b) => JSON.stringify(a.map((t) => t.trim())) === JSON.stringify(b.map((t) => t.trim()));
  // What happens meanwhile may add a heading to a list; the page's own is the same.
  if (!same(got.slice(0, 1), wanted.slice(0, 1))) wrong(where, `without JavaScript: ${got[0]}, with: ${wanted[0]}`);
}

// How heavy the first page is, nothing of it known before.
const fresh = await open();
await fresh.context.addCookies(cookies);
const sizes = [];
fresh.page.on("requestfinished", (request) => sizes.push(request.sizes().then((s) => ({ url: request.url(), octets: s.responseHeadersSize + s.responseBodySize }))));
await fresh.page.goto(`${base}/`, { waitUntil: "load" });
const weights = await Promise.all(sizes);
const weight = weights.reduce((sum, { octets }) => sum + octets, 0);
console.log(`figure: home_page_octets ${weight} in ${weights.length} files`);
if (weight > 150 * 1024) wrong("/", `${weight} octets are more than 150 KiB: ${JSON.stringify(weights)}`);

await paint(page);
console.log(`figure: walk ${((performance.now() - walking) / 1000).toFixed(0)} s`);

await browser.close();
for (const problem of [...new Set(problems)]) console.log(`WRONG ${problem}`);
process.exit(problems.length > 0 ? 1 : 0);
