// What the server cannot do: keep a part of the page fresh, show times and numbers as
// the reader is used to, check a file without losing it, draw a chart, and keys.
"use strict";

const numbers = new Intl.NumberFormat(), money = new Intl.NumberFormat(undefined, { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }), timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: "short" }), second = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

function localize(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    t.textContent = new Date(t.dateTime).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
    t.title = t.dateTime;
  }
  for (const n of root.querySelectorAll("data")) {
    if (n.value !== "" && isFinite(n.value)) n.textContent = (n.className === "money" ? money : numbers).format(n.value);
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
    localize(part);
    if (fresh.controls) { controls = fresh.controls; putControls(); }
    refresh();
  };
  source.onerror = () => { part.classList.add("stale"); };
  source.onopen = () => { part.classList.remove("stale"); };
  addEventListener("pagehide", () => source.close());
}

// What can be done to a campaign follows its state, but not under somebody's hands.
let controls, controlsShown, controlsLater;
function putControls() {
  const section = document.querySelector("[data-part=controls]");
  clearTimeout(controlsLater);
  if (!section || controls === controlsShown) return;
  const typed = [...section.querySelectorAll("input")].some((field) => field.value !== field.defaultValue);
  if (typed || section.contains(document.activeElement) || section.querySelector("details[open]")) {
    controlsLater = setTimeout(putControls, 1000);
    return;
  }
  controlsShown = controls;
  const fresh = document.createElement("section");
  fresh.innerHTML = controls;
  localize(fresh);
  if (fresh.innerHTML !== section.innerHTML) section.replaceChildren(...fresh.childNodes);
}

// The lists below a live part are read again when that has changed, not more often than
// every five seconds, and not while somebody is in them: then later.
let refreshed = Date.now(), refreshLater;
function refresh() {
  if (refreshLater || "posted" in document.body.dataset || !document.querySelector("[data-refresh]")) return;
  refreshLater = setTimeout(readLists, Math.max(0, refreshed + 5000 - Date.now()));
}

async function readLists() {
  refreshed = Date.now();
  refreshLater = undefined;
  const lists = document.querySelectorAll("[data-refresh]"), answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[data-refresh]");
  lists.forEach((list, i) => {
    if (!fresh[i]) return;
    if (list.contains(document.activeElement) || list.querySelector("details[open]")) return refresh();
    list.replaceChildren(...fresh[i].childNodes);
    localize(list);
  });
  drawChart();
}

async function send(form, what, button) {
  const body = new FormData(form);
  body.append("do", what);
  if (button) button.disabled = true;
  try {
    const answer = await fetch("/new", { method: "POST", body });
    const result = document.getElementById("result");
    result.innerHTML = await answer.text();
    localize(result);
  } finally {
    if (button) button.disabled = false;
  }
}

// The check follows what is typed, for files that are read quickly.
function checkForm(form) {
  form.addEventListener("submit", (event) => {
    if (!event.submitter || event.submitter.value === "start") return;
    event.preventDefault();
    send(form, event.submitter.value, event.submitter);
  });
  document.addEventListener("change", (event) => {
    const file = form.elements.file.files[0];
    if (!file || event.target.form !== form || event.target.name === "test" || event.target.name.startsWith("mend:")) return;
    if (event.target.name === "file") {
      document.querySelectorAll("#result [form=new]").forEach((field) => field.remove()); // they were of the file before
    }
    if (file.size < 2e6 || event.target.name === "file") send(form, "check");
  });
}

// How calls ended over time: bars on each other, by the hour, or by the reader's day if
// there are many hours.
let chart;
async function drawChart() {
  const box = document.getElementById("chart");
  if (!box || typeof uPlot === "undefined") return;
  const answer = await fetch(box.dataset.outcomes);
  if (!answer.ok) return;
  const data = byDay(await answer.json());
  const css = getComputedStyle(document.documentElement), colour = (name) => css.getPropertyValue(name).trim();
  const sums = data.at.map(() => 0), stacked = data.series.map((s) => s.n.map((n, i) => (sums[i] += n)));
  const grid = { stroke: colour("--line"), width: 1 }, axis = { stroke: colour("--quiet"), grid, ticks: grid, font: "12px system-ui" };
  const bars = uPlot.paths.bars({ size: [0.8, 60], align: 1 });
  const fill = (s) => colour("--c-" + s.kind) || colour("--quiet");
  const series = data.series.map((s, k) => ({
    label: s.name, fill: fill(s), stroke: fill(s), width: 0, paths: bars, points: { show: false }, value: (u, v, si, i) => (i === null ? "" : numbers.format(s.n[i])), k,
  })).reverse(); // the highest is drawn first, the others over it
  if (chart) chart.destroy();
  const end = data.at.length ? data.at[data.at.length - 1] + data.every_s : 0;
  chart = new uPlot({
    width: box.clientWidth, height: 200, padding: [null, 32, null, null], series: [{ label: "from", value: (u, v) => (v === null ? "" : new Date(v * 1000).toLocaleString()) }, ...series],
    axes: [{ ...axis, grid: { show: false }, values: axisTimes }, { ...axis, size: 60, values: (u, list) => list.map((n) => (Number.isInteger(n) ? numbers.format(n) : "")) }],
    scales: { x: { range: () => [data.at[0], end] }, y: { range: (u, low, high) => [0, Math.max(high, 1)] } }, cursor: { y: false, points: { show: false } },
  }, [data.at, ...stacked.slice().reverse()], box);
  table(data);
}

// axisTimes are times of the day, with the date where a day begins.
function axisTimes(u, list, axis, space, step) {
  let before = "";
  return list.map((at) => {
    const when = new Date(at * 1000), day = dayOfYear.format(when), begins = day !== before;
    before = day;
    return step >= 86400 ? day : (step < 60 ? second : timeOfDay).format(when) + (begins ? "\n" + day : "");
  });
}

function byDay(data) {
  if (data.at.length < 97) return data;
  const days = new Map();
  data.at.forEach((at, i) => {
    const day = new Date(at * 1000).setHours(0, 0, 0, 0) / 1000;
    days.set(day, [...(days.get(day) || []), i]);
  });
  return {
    every_s: 86400, at: [...days.keys()],
    series: data.series.map((s) => ({ ...s, n: [...days.values()].map((list) => list.reduce((sum, i) => sum + s.n[i], 0)) })),
  };
}

function table(data) {
  const into = document.getElementById("outcomes"), row = (kind, cells) => {
    const tr = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(kind === "th" || i === 0 ? "th" : "td");
      cell.textContent = text;
      cell.scope = kind === "th" ? "col" : "row";
      if (i > 0) cell.className = "num";
      tr.append(cell);
    });
    return tr;
  };
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(row("th", ["From", ...data.series.map((s) => s.name)]));
  data.at.forEach((at, i) => body.append(row("td", [new Date(at * 1000).toLocaleString(), ...data.series.map((s) => numbers.format(s.n[i]))])));
  into.replaceChildren(head, body);
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const links = [...document.querySelectorAll("tbody tr")].map((row) => row.querySelector("a, button")).filter(Boolean);
  const at = links.findIndex((link) => link === document.activeElement || link.closest("tr").contains(document.activeElement));
  if (event.key === "/") {
    const search = document.getElementById("search") || document.querySelector("input[name=number]");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (event.key === "j" && links[at + 1]) links[at + 1].focus();
  else if (event.key === "k" && at > 0) links[at - 1].focus();
  else if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
}

// One menu is open at a time, and a click elsewhere closes it.
addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});

localize(document);
document.querySelectorAll("[data-live]").forEach(watch);
const form = document.getElementById("new");
if (form) checkForm(form);
addEventListener("keydown", keys);
drawChart();
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawChart(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawChart);
