// Walks the page in a real browser: the first set-up with the code, then every page that can be reached from the first one
// (GET only), as the owner. tests/tests/page_browser.rs starts it, and says in the environment:
//
//   PAGE_URL, PAGE_CODE, PAGE_PASSWORD   where the page is, and what to type
//   PAGE_CHROMIUM                        the browser
//   TRUNKGUARD_SCREENSHOTS               a folder for pictures of every page; none are made without it
//
// Prints one line per page and `figure:` lines; exits with 1 and a list where a page breaks a rule:
//   axe-core finds no violation (WCAG 2.2 A and AA, best practices), in light and dark, wide and narrow;
//   nothing is written to the console, nothing breaks the Content-Security-Policy, nothing fails to load;
//   no sideways scrolling at 390 px; every control is reached by the Tab key and none keeps it;
//   without JavaScript there are the same headings; the first page weighs less than 150 KiB with all that it loads.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const base = process.env.PAGE_URL.replace(/\/$/, "");
const pictures = process.env.TRUNKGUARD_SCREENSHOTS;
const MOST_PAGES = 150;
const MOST_OF_ONE_PATH = 3;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const VIEWS = [
  { name: "wide-light", width: 1280, height: 900, scheme: "light" },
  { name: "wide-dark", width: 1280, height: 900, scheme: "dark" },
  { name: "phone-light", width: 390, height: 844, scheme: "light" },
  { name: "phone-dark", width: 390, height: 844, scheme: "dark" },
];
const problems = [];
const wrong = (where, what) => problems.push(`${where}: ${what}`);

const browser = await chromium.launch({
  executablePath: process.env.PAGE_CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-CA", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const here = () => page.url().replace(base, "");
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) wrong(here(), `console: ${said.text()}`);
  });
  page.on("pageerror", (error) => wrong(here(), `script: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A stream of events ends when its page does.
    const why = request.failure()?.errorText ?? "";
    if (!why.includes("ABORTED")) wrong(here(), `${request.url()}: ${why}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) wrong(here(), `${response.url()}: ${response.status()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { context, page };
}

async function look(page, where, view) {
  await page.setViewportSize({ width: view.width, height: view.height });
  await page.emulateMedia({ colorScheme: view.scheme, reducedMotion: "reduce" });
  await page.evaluate(axe);
  const found = await page.evaluate((rules) => axe.run(document, { runOnly: rules, resultTypes: ["violations"] }), RULES);
  for (const violation of found.violations) {
    const nodes = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`);
    wrong(`${where} [${view.name}]`, `axe ${violation.id}: ${nodes.join("; ")}`);
  }
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (content > window) {
    const widest = await page.evaluate(() => {
      const over = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre"));
      return over.slice(0, 3).map((e) => `${e.tagName.toLowerCase()}.${e.className}`).join(", ");
    });
    wrong(`${where} [${view.name}]`, `scrolls sideways: ${content} of ${window} px (${widest})`);
  }
  if (pictures) {
    const name = where.replace(/^\//, "").replace(/[^a-z0-9-]+/gi, "_") || "home";
    await page.screenshot({ path: join(pictures, `${name}.${view.name}.png`), fullPage: true });
  }
}

// Every visible control gets the focus by Tab, once around.
async function tab(page, where) {
  const count = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")];
    const seen = all.filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true }) && e.closest("details:not([open]) > :not(summary)") === null);
    const radios = new Set();
    return seen.filter((e) => {
      // A group of radio buttons is one stop.
      if (e.type !== "radio") return true;
      const group = `${e.form?.action}#${e.name}`;
      return !radios.has(group) && radios.add(group);
    }).map((e, at) => e.setAttribute("data-walk", at)).length;
  });
  if (count > 400) return wrong(where, `${count} controls: too many to go through by keyboard`);
  const reached = new Set();
  let stuck = 0;
  for (let press = 0; press < count + 60 && reached.size < count && stuck < 40; press += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      const radio = e?.type === "radio" ? [...document.querySelectorAll("input[type=radio][data-walk]")].find((other) => other.name === e.name && other.form === e.form) : null;
      return (radio ?? e)?.getAttribute("data-walk") ?? null;
    });
    stuck = at === null || reached.has(at) ? stuck + 1 : 0;
    if (at !== null) reached.add(at);
  }
  if (reached.size < count) {
    const missed = await page.evaluate((got) => [...document.querySelectorAll("[data-walk]")].filter((e) => !got.includes(e.getAttribute("data-walk"))).slice(0, 5).map((e) => e.outerHTML.slice(0, 120)), [...reached]);
    wrong(where, `${count - reached.size} of ${count} controls are not reached by Tab: ${missed.join(" | ")}`);
  }
  return count;
}

if (pictures) mkdirSync(pictures, { recursive: true });
const { context, page } = await open();

// The first set-up, as a person does it.
await page.goto(`${base}/`);
for (const view of VIEWS) await look(page, "/setup", view);
await page.fill("input[name=code]", process.env.PAGE_CODE);
await page.fill("input[name=password]", process.env.PAGE_PASSWORD);
await page.fill("input[name=again]", process.env.PAGE_PASSWORD);
await page.click("main button.main");
await page.waitForLoadState();
console.log(`after set-up: ${page.url().replace(base, "")}`);

const headings = () => page.evaluate(() => [...document.querySelectorAll("h1, h2")].map((e) => e.innerText.trim()));
const queue = [page.url().replace(base, ""), "/"];
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
await fresh.page.waitForFunction(() => performance.getEntriesByType("paint").length > 0);
const paint = await fresh.page.evaluate(() => performance.getEntriesByType("paint").map((e) => `${e.name} ${e.startTime.toFixed(0)} ms`));
const weights = await Promise.all(sizes);
const weight = weights.reduce((sum, { octets }) => sum + octets, 0);
console.log(`figure: home_page_octets ${weight} in ${weights.length} files`);
console.log(`figure: home_page ${paint.join(", ")}`);
if (weight > 150 * 1024) wrong("/", `${weight} octets are more than 150 KiB: ${JSON.stringify(weights)}`);

await browser.close();
for (const problem of [...new Set(problems)]) console.log(`WRONG ${problem}`);
process.exit(problems.length > 0 ? 1 : 0);
