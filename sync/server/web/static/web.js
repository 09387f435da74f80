"use strict";
// Makes a page live that is whole without this: parts that come replace those with the same id, and
// the page says how old it is. A page whose parts are its visitor's own is fetched again instead.
(() => {
  const SILENT_MS = 8000, AGAIN_MS = 2000, SELDOM_MS = 10000;
  const here = document.querySelector("nav [aria-current]");
  if (here) here.scrollIntoView({ block: "nearest", inline: "center" });
  const root = document.querySelector("[data-live-view]");
  if (!root || !window.EventSource) return;
  const view = root.dataset.liveView, fetchEveryMs = 1000 * (root.dataset.liveEvery || 2);
  const age = document.getElementById("age");
  let source = null, heard = Date.now(), fetched = 0, waiting = 0, again = AGAIN_MS;

  const put = (text) => {
    const came = new DOMParser().parseFromString(text, "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const part = old.id && came.getElementById(old.id);
      if (!part) continue;
      // What was opened stays open.
      for (const one of old.querySelectorAll("details[id][open]")) {
        const same = part.querySelector("#" + CSS.escape(one.id));
        if (same) same.open = true;
      }
      // Nothing that somebody is typing into, or has typed, is taken from under their hands.
      const typed = [...old.querySelectorAll("input, textarea")].some((one) => one.value !== one.defaultValue);
      if (part.isEqualNode(old) || typed || old.contains(document.activeElement)) continue;
      old.replaceWith(document.importNode(part, true));
    }
  };
  const say = () => {
    if (!age) return;
    const time = document.getElementById("as-of");
    const silent = Date.now() - heard, isOld = silent > SILENT_MS;
    const words = isOld ? age.dataset.old : age.dataset.age;
    // In steps, and read out only when it is news: nobody wants to be told the time every second.
    const text = words.replace("{n}", Math.max(SILENT_MS / 1000, Math.floor(silent / 10000) * 10)).replace("{time}", time ? time.textContent : "");
    if (age.textContent !== text) age.textContent = text;
    age.classList.toggle("old", isOld);
    age.setAttribute("aria-live", isOld ? "polite" : "off");
  };
  const hear = () => { heard = Date.now(); say(); };
  const hearLive = () => { again = AGAIN_MS; hear(); };
  const fetchAnew = async () => {
    waiting = 0;
    fetched = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "Accept": "text/html" } });
      // Signed out is no fault of the network: the page itself leads to the way in.
      if (answer.redirected || answer.status === 401) location.reload();
      else if (answer.ok) { put(await answer.text()); hear(); }
    } catch { /* It is said by its age; the next try is soon. */ }
  };
  const open = () => {
    const look = new URLSearchParams({ view, language: document.documentElement.lang.replace("-", "_") });
    source = new EventSource("/web/live?" + look);
    source.addEventListener("parts", (event) => { put(event.data); hearLive(); });
    source.addEventListener("beat", hearLive);
    source.addEventListener("changed", () => {
      hearLive();
      if (!waiting) waiting = setTimeout(fetchAnew, Math.max(0, fetched + fetchEveryMs - Date.now()));
    });
    source.addEventListener("over", () => location.reload());
    source.addEventListener("error", () => {
      // A browser gives up where the answer was none: too many pages are open, or a proxy is alone.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(async () => { await fetchAnew(); open(); }, again);
      again = Math.min(2 * again, SELDOM_MS);
    });
  };
  window.addEventListener("pagehide", () => source && source.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  setInterval(say, 1000);
  open();
})();
