// Pages that only a form leads to: they change nothing until they are told to.
import { base, look, VIEWS, wrong } from "./browser.mjs";

async function sent(page, where, name, button) {
  await Promise.all([page.waitForLoadState("load"), page.click(button)]);
  await page.locator("h1").first().waitFor();
  if (await page.locator(".notice.bad").count()) wrong(where, `the form is refused: ${await page.locator(".notice.bad").first().innerText()}`);
  for (const view of VIEWS) await look(page, name, view);
}

export async function forms(page) {
  await page.goto(`${base}/pbx`);
  await page.fill("input[name=the_box]", "192.168.1.20");
  await page.fill("input[name=account]", "100000_office");
  await page.fill("input[name=did]", "2125550100");
  await sent(page, "/pbx", "/pbx/set-up", "main button.main");

  await page.goto(`${base}/policy/group`);
  await page.fill("input[name=new_name]", "lobby");
  await page.fill("textarea", "1001 1002");
  await sent(page, "/policy/group", "/policy/draft", "main form[method=post] button.main");

  await page.goto(`${base}/policy/learn`);
  await sent(page, "/policy/learn", "/policy/draft-learnt", "main form[method=post] button.main");
}
