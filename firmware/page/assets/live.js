// Keeps what is on the page fresh: when the box says that something changed (an event named like an element's data-live),
// the page is fetched again and those elements are replaced. Without this script a reload does the same.
"use strict";
(() => {
  const wanted = () => [...document.querySelectorAll("[data-live]")];
  if (!wanted().length || !window.EventSource) return;
  let due = null;
  const refresh = async () => {
    due = null;
    // What somebody is typing into, or has opened to read, is left alone.
    const busy = (element) => (element.contains(document.activeElement) && document.activeElement !== document.body) || element.querySelector("details[open]");
    const old = wanted().filter((element) => !busy(element));
    const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Live": "1" } });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const element of old) {
      const other = fresh.getElementById(element.id);
      if (other && other.innerHTML !== element.innerHTML) element.replaceChildren(...other.childNodes);
    }
  };
  // Not all browsers at the same moment.
  const soon = () => { due ??= setTimeout(() => refresh().catch(() => {}), 200 + Math.random() * 600); };
  const events = new EventSource("/live");
  for (const name of new Set(wanted().map((element) => element.dataset.live))) events.addEventListener(name, soon);
  // What happened after the page was made and before this, or while the connection was away, is told by no event.
  events.addEventListener("open", soon);
})();
// Long lists of choices can be searched: without this script, the browser's own search does it.
(() => {
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  for (const box of document.querySelectorAll("[data-filter]")) {
    const list = document.getElementById(box.dataset.filter);
    if (!list) continue;
    box.parentElement.hidden = false;
    box.addEventListener("input", () => {
      const wanted = plain(box.value.trim());
      for (const label of list.children) label.hidden = !plain(label.textContent).includes(wanted);
    });
  }
})();
