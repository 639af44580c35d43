// Keeps the page fresh: asks for it again and swaps the parts that changed.
// Never needed: without it the page reloads as a whole. Never moves what somebody reads, opens or selects.
"use strict";
(() => {
  const seconds = Number(document.currentScript.dataset.seconds) || 5;
  const parts = ["head", "range", "main", "foot"];
  let busy = false;

  // What stands in `main` is swapped piece by piece, so that a piece that did not change keeps its selection and its tooltip.
  function swap(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    const same = old.nodeName === fresh.nodeName && old.id === fresh.id && old.children.length > 0 &&
      old.children.length === fresh.children.length && !(old instanceof SVGElement) && !hasText(old) && !hasText(fresh);
    if (!same) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    const olds = [...old.children], freshes = [...fresh.children];
    olds.forEach((child, index) => swap(child, freshes[index]));
  }

  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

  // The element that has the focus, as a way down from a part with an id.
  function path(element) {
    const steps = [];
    for (; element && element !== document.body && !element.id; element = element.parentElement)
      steps.unshift([...element.parentElement.children].indexOf(element));
    return element && element.id ? { id: element.id, steps } : null;
  }
  const follow = (way) => way.steps.reduce((element, step) => element && element.children[step], document.getElementById(way.id));

  async function refresh() {
    const selected = document.getSelection();
    if (busy || document.hidden || (selected && !selected.isCollapsed)) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const active = document.activeElement, way = active === document.body ? null : path(active);
      const open = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
      const { scrollX, scrollY } = window;
      document.title = page.title;
      for (const id of parts) {
        const old = document.getElementById(id), fresh = page.getElementById(id);
        if (old && fresh) swap(old, fresh);
      }
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (way && document.activeElement !== active) follow(way)?.focus({ preventScroll: true });
      window.scrollTo(scrollX, scrollY);
      document.body.classList.remove("stale");
    } catch {
      // The exporter is away: what is shown is old, and says so until it is back.
      document.body.classList.add("stale");
      const live = document.getElementById("live");
      if (live) live.textContent = "The exporter does not answer; what is shown is old. Still trying";
    } finally {
      busy = false;
    }
  }

  setInterval(refresh, seconds * 1000);
  document.addEventListener("visibilitychange", refresh);
})();
