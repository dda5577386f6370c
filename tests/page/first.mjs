// The first run, as an installer goes through it with a PBX that is switched on: what it has sent is what it is found by, and
// its first call shows step by step.
import { base, look, VIEWS, wrong } from "./browser.mjs";
import { dial } from "./calls.mjs";

const at = (page) => page.url().replace(base, "").replace(/\?.*/, "");

// Presses a form's button and comes to where it leads.
async function press(page, button, next) {
  await Promise.all([page.waitForURL((url) => url.pathname === next, { timeout: 30_000 }), page.click(button)]).catch((error) =>
    wrong(at(page), `${button} does not lead to ${next}: ${error.message}`));
}

async function seen(page) {
  for (const view of VIEWS) await look(page, at(page), view);
}

export async function setUp(page) {
  const began = performance.now();
  await page.goto(`${base}/`);
  await seen(page);
  await page.fill("input[name=code]", process.env.PAGE_CODE);
  await page.fill("input[name=password]", process.env.PAGE_PASSWORD);
  await page.fill("input[name=again]", process.env.PAGE_PASSWORD);
  await press(page, "main button.main", "/welcome");
  await seen(page);

  await press(page, "main a.button.main", "/welcome/place");
  await page.selectOption("select[name=country]", "US");
  await page.fill("input[name=zone]", "America/New_York");
  await page.fill("input[name=area_code]", "212");
  await seen(page);
  await press(page, "main button.main", "/welcome/plug");
  await page.check("input[value=side]");
  await seen(page);
  await press(page, "main button.main", "/welcome/pbx");

  // Nothing is typed: the PBX asks the box for a sign of life by itself.
  const pbx = process.env.PAGE_PBX;
  for (let tries = 0; tries < 40 && !(await page.locator(`input[name=heard][value="${pbx}"]`).count()); tries += 1) {
    await page.waitForTimeout(500);
    await page.reload();
  }
  const found = await page.locator("label.choice", { hasText: pbx }).innerText();
  console.log(`found: ${found.replace(/\s+/g, " ")}`);
  if (!found.includes("OPTIONS") || !found.includes("Asterisk")) wrong(at(page), `the PBX is shown as: ${found}`);
  await page.check(`input[name=heard][value="${pbx}"]`);
  await page.selectOption("select[name=profile]", "redirect");
  await seen(page);
  await press(page, "main button.main", "/welcome/pops");

  await page.click("form[action='/welcome/pops/measure'] button");
  const pop = page.locator("tr", { hasText: "near" }).first();
  await pop.waitFor({ timeout: 30_000 });
  await pop.locator("input").check();
  await seen(page);
  await press(page, "form[action='/welcome/pops'] button.main", "/welcome/call");

  // The page is open and nobody touches it: the call comes up in it.
  await page.evaluate(() => { document.walked = true; });
  await seen(page);
  dial("12125550123");
  for (const words of ["a call to 12125550123 from extension 1001", "as +12125550123", "The call is approved", "all five fields"]) {
    await page.locator("#test-call", { hasText: words }).waitFor({ timeout: 30_000 }).catch(() => wrong(at(page), `it does not say: ${words}`));
  }
  if (!(await page.evaluate(() => document.walked))) wrong(at(page), "it was loaded anew");
  await seen(page);
  await press(page, "form[action='/welcome/call'] button.main", "/welcome");
  await seen(page);
  console.log(`figure: first_run ${((performance.now() - began) / 1000).toFixed(0)} s with pictures and rules of every step`);
}
