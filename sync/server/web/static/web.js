"use strict";
// Makes a page live that is whole without this: parts that come replace those with the same id, and
// the page says how old it is. A page whose parts are its visitor's own is fetched again instead.
(() => {
  const SILENT_MS = 8000, AGAIN_MS = 2000, FETCH_EVERY_MS = 2000;
  const root = document.querySelector("[data-live-view]");
  if (!root || !window.EventSource) return;
  const view = root.dataset.liveView;
  const age = document.getElementById("age");
  let source = null, heard = Date.now(), fetched = 0, waiting = 0;

  const put = (text) => {
    const came = new DOMParser().parseFromString(text, "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const part = old.id && came.getElementById(old.id);
      // Nothing that somebody is typing into is taken from under their hands.
      if (!part || part.isEqualNode(old) || old.contains(document.activeElement)) continue;
      old.replaceWith(document.importNode(part, true));
    }
  };
  const say = () => {
    if (!age) return;
    const time = document.getElementById("as-of");
    const silent = Date.now() - heard;
    const words = silent > SILENT_MS ? age.dataset.old : age.dataset.age;
    const text = words.replace("{n}", Math.round(silent / 1000)).replace("{time}", time ? time.textContent : "");
    if (age.textContent !== text) age.textContent = text;
    age.classList.toggle("old", silent > SILENT_MS);
  };
  const hear = () => { heard = Date.now(); say(); };
  const fetchAnew = async () => {
    waiting = 0;
    fetched = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "Accept": "text/html" } });
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) { put(await answer.text()); hear(); }
    } catch { /* It is said by its age; the next news tries again. */ }
  };
  const open = () => {
    source = new EventSource("/web/live?view=" + encodeURIComponent(view));
    source.addEventListener("parts", (event) => { put(event.data); hear(); });
    source.addEventListener("beat", hear);
    source.addEventListener("changed", () => {
      hear();
      if (!waiting) waiting = setTimeout(fetchAnew, Math.max(0, fetched + FETCH_EVERY_MS - Date.now()));
    });
    source.addEventListener("over", () => location.reload());
    source.addEventListener("error", () => {
      // A browser gives up where the answer was none; the server may come back.
      if (source.readyState === EventSource.CLOSED) setTimeout(check, AGAIN_MS);
    });
  };
  const check = async () => {
    // Signed out is no fault of the network: then the page itself leads to the way in.
    try {
      const answer = await fetch(location.href, { headers: { "Accept": "text/html" } });
      if (answer.redirected || answer.status === 401) { location.reload(); return; }
    } catch { /* Not back yet. */ }
    open();
  };
  window.addEventListener("pagehide", () => source && source.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  setInterval(say, 1000);
  open();
})();
