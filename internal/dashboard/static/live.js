// What the server cannot do: keep a part of the page fresh, show times on the
// reader's clock, check a file without losing it, and keys.
"use strict";

function localTimes(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    t.textContent = at.toLocaleString();
    t.title = t.dateTime;
  }
}

function watch(part) {
  const source = new EventSource(part.dataset.live);
  source.onmessage = (event) => {
    const still = document.getElementById("still");
    if (still && still.checked) return;
    const fresh = JSON.parse(event.data);
    part.innerHTML = fresh.html; // the server's own templates escaped it
    document.title = fresh.title + " · dialer";
    localTimes(part);
    refresh();
  };
  source.onerror = () => { part.classList.add("stale"); };
  source.onopen = () => { part.classList.remove("stale"); };
  addEventListener("pagehide", () => source.close());
}

// The list below a live part is read again when that has changed, not more often than
// every five seconds.
let refreshed = Date.now();
async function refresh() {
  const list = document.querySelector("[data-refresh]");
  if (!list || Date.now() - refreshed < 5000) return;
  refreshed = Date.now();
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-refresh]");
  if (fresh && !list.contains(document.activeElement)) { list.replaceChildren(...fresh.childNodes); localTimes(list); }
}

async function check(event) {
  if (!event.submitter || event.submitter.value !== "check") return;
  event.preventDefault();
  const body = new FormData(event.target);
  body.append("do", "check");
  event.submitter.disabled = true;
  try {
    const answer = await fetch("/new", { method: "POST", body });
    document.getElementById("result").innerHTML = await answer.text();
  } finally {
    event.submitter.disabled = false;
  }
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const links = [...document.querySelectorAll("tbody tr td:first-child a, td a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "/") {
    const search = document.getElementById("search") || document.querySelector("input[name=number]");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (event.key === "j" && links[at + 1]) links[at + 1].focus();
  else if (event.key === "k" && at > 0) links[at - 1].focus();
}

localTimes(document);
document.querySelectorAll("[data-live]").forEach(watch);
const form = document.getElementById("new");
if (form) form.addEventListener("submit", check);
addEventListener("keydown", keys);
