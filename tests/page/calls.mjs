// Calls of the office's phone while the page is open: refused ones, one that is then approved with the mouse, an emergency.
import { base, look, VIEWS, wrong } from "./browser.mjs";

const ABROAD = "011442071838750";

// Asks whoever has started the walk to do something outside of the browser; it is not waited for.
export const ask = (what) => console.log(`PLEASE ${what}`);
export const dial = (number) => ask(`dial ${number}`);

// Opens a page, has a call made, and waits until the page shows it without being loaded again.
async function comesUp(page, where, list, number, verdict) {
  await page.goto(base + where);
  await page.evaluate(() => { document.walked = true; });
  const began = performance.now();
  dial(number);
  const row = page.locator(`${list} tbody tr`).first().and(page.locator("tr", { hasText: verdict }).filter({ has: page.locator("a", { hasText: number.slice(-4) }) }));
  await row.waitFor({ timeout: 30_000 }).catch(() => wrong(where, `the call to ${number} does not come up as ${verdict}`));
  console.log(`figure: live ${where} ${(performance.now() - began).toFixed(0)} ms from the phone's dialling to the row`);
  if (!(await page.evaluate(() => document.walked))) wrong(where, "it was loaded anew");
  return row;
}

export async function calls(page) {
  await page.goto(`${base}/`);
  await page.check("input[name=mode][value=prevent]");
  await page.click("form[action='/mode'] button");
  await page.locator("[role=status]", { hasText: "The mode is Prevent" }).waitFor();

  // Messages of these calls and of the hostile ones, for the ladders.
  await page.goto(`${base}/box/diagnostics`);
  await page.click("form[action='/box/diagnostics/record'] button");

  await comesUp(page, "/", "#last", "12125550199", "Approved");
  const row = await comesUp(page, "/calls", "#calls", ABROAD, "Refused");
  await row.locator("a").first().click();
  await page.locator("a.button.main[href$='/approve']").click();
  for (const view of VIEWS) await look(page, "/calls/approve", view);
  await page.click("main form[method=post] button.main");
  await page.locator("[role=status]").waitFor();
  for (const view of VIEWS) await look(page, "/calls/approved", view);
  await comesUp(page, "/calls", "#calls", ABROAD, "Approved");
  await comesUp(page, "/", "#last", "911", "Approved");
  ask("be hostile");
  // The last of them is a call to 12125550777.
  await page.goto(`${base}/calls`);
  await page.locator("#calls", { hasText: "0777" }).waitFor({ timeout: 30_000 }).catch(() => wrong("/calls", "the hostile calls do not come up"));
}
