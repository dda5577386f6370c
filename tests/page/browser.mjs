// The browser, and what every page is looked at for; walk.mjs says which rules those are.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const base = process.env.PAGE_URL.replace(/\/$/, "");
const pictures = process.env.TRUNKGUARD_SCREENSHOTS;
if (pictures) mkdirSync(pictures, { recursive: true });
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
export const VIEWS = [
  { name: "wide-light", width: 1280, height: 900, scheme: "light" },
  { name: "wide-dark", width: 1280, height: 900, scheme: "dark" },
  { name: "phone-light", width: 390, height: 844, scheme: "light" },
  { name: "phone-dark", width: 390, height: 844, scheme: "dark" },
];
export const problems = [];
export const wrong = (where, what) => problems.push(`${where}: ${what}`);

export const browser = await chromium.launch({
  executablePath: process.env.PAGE_CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

export async function open(options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-CA", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const here = () => page.url().replace(base, "");
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) wrong(here(), `console: ${said.text()}`);
  });
  page.on("dialog", (dialog) => {
    wrong(here(), `a dialog: ${dialog.message()}`);
    dialog.dismiss();
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

export async function look(page, where, view) {
  await page.setViewportSize({ width: view.width, height: view.height });
  await page.emulateMedia({ colorScheme: view.scheme, reducedMotion: "reduce" });
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  // In the dark the same page has other colours, and nothing else.
  const runOnly = view.scheme === "dark" ? { type: "rule", values: ["color-contrast"] } : RULES;
  const found = await page.evaluate((only) => axe.run(document, { runOnly: only, resultTypes: ["violations"] }), runOnly);
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
export async function tab(page, where, tries = 3) {
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
  // Where news from the box has replaced what was gone through, it is gone through once more.
  const there = await page.evaluate(() => document.querySelectorAll("[data-walk]").length);
  if (reached.size < count && there < count && tries > 1) {
    await page.evaluate(() => {
      for (const e of document.querySelectorAll("[data-walk]")) e.removeAttribute("data-walk");
      document.activeElement?.blur();
    });
    return tab(page, where, tries - 1);
  }
  if (reached.size < count) {
    const missed = await page.evaluate((got) => [...document.querySelectorAll("[data-walk]")].filter((e) => !got.includes(e.getAttribute("data-walk"))).slice(0, 5).map((e) => e.outerHTML.slice(0, 120)), [...reached]);
    wrong(where, `${count - reached.size} of ${count} controls are not reached by Tab: ${missed.join(" | ")}`);
  }
  return count;
}
