// How does the board stay live without ever moving what somebody is about to press?
//
// Every two seconds it asks what has changed (304: nothing). Rows change in place at once. New rows wait behind
// a pill, and rows that have gone stay where they are, for as long as a pointer, a finger or the keyboard is at
// the list; otherwise the list takes the server's order.

const POLL = 2000; // ms between polls
const PATIENCE = 8000; // ms until an answer that doesn't come is a lost connection; the claims' is in board.html
const STILL = 3000; // ms a pointer must rest, or a finger be away, before rows under it may move
const FAREWELL = 4000; // ms a row that has gone stays to be read

const board = document.getElementById("board");
const rows = document.getElementById("board-rows");
const pill = document.getElementById("board-pill");
const words = JSON.parse(document.getElementById("board-words").textContent);
const language = document.documentElement.lang;
const hasNewest = "newest" in board.dataset; // the first page: new orders come on top of it
const touches = matchMedia("(hover: none)").matches;

let etag = board.dataset.etag;
let latest = null; // rows as the server has them, newest first: number -> <tr>
let isAtList = false;
let lastMove = -Infinity;
let ahead = 0; // ms by which the server's clock is ahead of this one
const doubtful = new Set(); // numbers of orders whose claim got no answer
const gone = new Map(); // number -> when the row left the list

const now = () => performance.now();
const all = () => [...rows.querySelectorAll("tr")];
const row = (number) => document.getElementById(`order-${number}`);

// -- Asking --------------------------------------------------------------------------------------------------

async function ask(address, headers = {}) {
  const answer = await fetch(address, {
    headers, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PATIENCE),
  });
  if (answer.type === "opaqueredirect" || answer.status === 403) {
    location.reload(); // the session or the right is gone: the page itself says what to do
    await new Promise(() => {});
  }
  if (!answer.ok && ![304, 404].includes(answer.status)) throw new Error(answer.status);
  return answer;
}

async function poll() {
  try {
    const answer = await ask(board.dataset.live, etag ? { "If-None-Match": `W/"${etag}"` } : {});
    if (answer.status === 404) throw new Error("no such page");
    const text = answer.status === 304 ? "" : await answer.text();
    etag = (answer.headers.get("ETag") ?? "").replace(/^W\/"|"$/g, "");
    show("board-aside", (answer.headers.get("Cache-Status") ?? "").includes("fwd=bypass"));
    show("board-lost", false);
    sayAsOf(answer.headers.get("Date"));
    if (text) learn(text);
    await settleDoubts();
  } catch {
    show("board-lost", true);
  }
  tidy();
}

async function pollForEver() {
  for (;;) {
    if (!document.hidden) await poll();
    await new Promise((resolve) => { setTimeout(resolve, POLL); });
  }
}

function show(id, isShown) {
  const banner = document.getElementById(id);
  if (banner.hidden === isShown) banner.hidden = !isShown; // touched only when it changes: it is read aloud
}

// What the server sent is as old as its clock says, whatever this one does.
function sayAsOf(date) {
  ahead = date ? Date.parse(date) - Date.now() : ahead;
  const time = new Date(Date.now() + ahead).toLocaleTimeString(language, { hourCycle: "h23" });
  document.getElementById("board-as-of").textContent = words.as_of.replace("{time}", time);
}

// -- What has changed ----------------------------------------------------------------------------------------

function learn(text) {
  const news = new DOMParser().parseFromString(text, "text/html");
  swap("board-filters", news);
  if (!news.querySelector("tbody")) return;
  swap("board-pages", news);
  latest = new Map([...news.querySelectorAll("tbody tr")].map((fresh) => [fresh.dataset.number, fresh]));
  const list = all();
  const lastHeld = list.findLastIndex((old) => latest.has(old.dataset.number));
  const hasNext = news.querySelector('#board-pages a[href*="cursor="]') !== null;
  for (const [at, old] of list.entries()) {
    const { number } = old.dataset;
    const fresh = latest.get(number);
    if (old.querySelector(".htmx-request")) continue; // its own answer comes
    if (fresh) {
      const newer = BigInt(fresh.dataset.version) - BigInt(old.dataset.version);
      if (newer >= 0) gone.delete(number);
      if (newer > 0 || (newer >= 0 && old.classList.contains("board-gone"))) put(fresh, old);
    } else if (!gone.has(number)) {
      // What stood at the end of a full page was perhaps only pushed to the next one: it goes without a word.
      if (hasNext && at > lastHeld) gone.set(number, now()); else leave(old);
    }
  }
}

function swap(id, news) {
  const [old, fresh] = [document.getElementById(id), news.getElementById(id)];
  if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  old.innerHTML = fresh.innerHTML;
  if (focused) old.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

// The row in the place of another one of the same order: marked and focused as that was.
function put(fresh, old) {
  const copy = document.importNode(fresh, true);
  if (old.hasAttribute("aria-selected")) copy.setAttribute("aria-selected", "true");
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(copy);
  ready(copy);
  if (hadFocus) copy.querySelector("button, a")?.focus({ preventScroll: true });
}

function leave(old) {
  gone.set(old.dataset.number, now());
  old.classList.add("board-gone");
  if (old.hasAttribute("data-claimable")) {
    old.removeAttribute("data-claimable");
    const note = document.createElement("span");
    note.textContent = words.gone;
    old.querySelector(".board-act").replaceChildren(note);
  }
}

function ready(fresh) {
  htmx.process(fresh);
  for (const time of fresh.querySelectorAll(".board-age time")) time.textContent = age(time.dateTime);
}

// -- Where rows stand ----------------------------------------------------------------------------------------

const isStill = () => now() - lastMove > STILL;
const mayMove = () => isStill() || (!isAtList && !touches);
const mayInsert = () => all().length === 0 || (!isAtList && !touches && !marked() && scrollY < 200);

function waiting() {
  if (!latest || !hasNewest) return [];
  return [...latest.values()].filter((fresh) => !row(fresh.dataset.number));
}

function tidy() {
  if (mayMove()) {
    for (const [number, since] of gone) {
      if (now() - since < FAREWELL) continue;
      row(number)?.remove();
      gone.delete(number);
      latest?.delete(number); // what the server said of it is older than what the row said
    }
  }
  if (mayInsert()) takeOrder();
  const held = waiting();
  const onTop = held.filter((fresh) => isAbove(fresh)).length;
  if (!onTop && held.length) takeOrder(); // rows that moved up from the next page: below everything
  pill.hidden = !onTop;
  if (onTop) pill.textContent = counted(words.new, onTop);
}

// Whether the server has a row of ours below this one.
function isAbove(fresh) {
  const order = [...latest.keys()];
  return order.slice(order.indexOf(fresh.dataset.number)).some((number) => row(number));
}

// Make the list what the server has, in its order; rows that say farewell keep their neighbours.
function takeOrder() {
  if (!latest || !waiting().length) return;
  let place = null;
  for (const number of [...latest.keys()].reverse()) {
    let mine = row(number);
    if (!mine) {
      mine = document.importNode(latest.get(number), true);
      mine.classList.add("board-new");
      if (place) place.before(mine); else rows.append(mine);
      ready(mine);
    }
    place = mine;
  }
}

// -- Claims --------------------------------------------------------------------------------------------------

// Told to the body, because the row that asked is no longer in the page.
document.body.addEventListener("htmx:afterSwap", (event) => {
  const fresh = document.getElementById(event.detail.target?.id);
  if (fresh?.matches(".board-row:not([data-claimable])")) gone.set(fresh.dataset.number, now());
});
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  board.addEventListener(failure, (event) => {
    const { xhr, elt } = event.detail;
    if (xhr?.status === 403) { location.reload(); return; }
    doubt(elt.closest("tr"));
  });
}

// No answer: the claim may have arrived or not. Say so, and find out as soon as the server can be asked.
function doubt(claimed) {
  show("board-lost", true);
  doubtful.add(claimed.dataset.number);
  const note = document.createElement("span");
  note.className = "board-refused";
  note.setAttribute("role", "status");
  note.textContent = words.doubt;
  claimed.querySelector(".board-act").replaceChildren(note);
}

async function settleDoubts() {
  for (const number of doubtful) {
    const answer = await ask(words.row.replace("A-00000000", number));
    const table = document.createElement("template");
    table.innerHTML = await answer.text();
    doubtful.delete(number);
    const [fresh, old] = [answer.ok && table.content.querySelector("tr"), row(number)];
    if (!fresh) old?.remove(); // there is no such order any more
    else if (old) put(fresh, old);
    if (fresh && !fresh.hasAttribute("data-claimable")) gone.set(number, now());
  }
}

// -- Keyboard ------------------------------------------------------------------------------------------------

const marked = () => rows.querySelector("[aria-selected]");

function mark(step) {
  const list = all();
  if (!list.length) return;
  const at = list.indexOf(marked());
  const next = list[Math.min(Math.max(at < 0 ? 0 : at + step, 0), list.length - 1)];
  marked()?.removeAttribute("aria-selected");
  next.setAttribute("aria-selected", "true");
  next.scrollIntoView({ block: "nearest" });
  (next.querySelector(".board-act button") ?? next.querySelector("a")).focus({ preventScroll: true });
}

const KEYS = {
  j: () => mark(1),
  k: () => mark(-1),
  c: () => marked()?.querySelector(".board-act button")?.click(),
  o: () => marked()?.querySelector(".board-number")?.click(),
  n: showNew,
  m: () => location.assign(words.mine),
  "/": () => document.getElementById("board-search").focus(),
  "?": () => document.getElementById("board-keys").showModal(),
  Escape: () => { marked()?.removeAttribute("aria-selected"); document.activeElement?.blur(); },
};

// The keys of a Russian keyboard that lie where the Latin letters do.
const SAME_PLACE = { о: "j", л: "k", с: "c", щ: "o", т: "n", ь: "m" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const isTyping = event.target.matches("input, textarea, select") || document.querySelector("dialog[open]");
  if (isTyping) return;
  const action = KEYS[SAME_PLACE[event.key] ?? event.key];
  if (!action || (event.repeat && event.key === "c")) return;
  if (event.key !== "Escape") event.preventDefault();
  action();
});

// -- Pointer, age, pill --------------------------------------------------------------------------------------

rows.addEventListener("pointermove", () => { isAtList = true; lastMove = now(); });
rows.addEventListener("pointerdown", () => { isAtList = true; lastMove = now(); });
rows.addEventListener("pointerleave", () => { isAtList = false; });

function showNew() {
  takeOrder();
  pill.hidden = true;
  scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}
pill.addEventListener("click", showNew);

const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

function age(since) {
  const seconds = (Date.now() + ahead - Date.parse(since)) / 1000;
  const [unit, length] = UNITS.find(([, one]) => seconds >= one) ?? ["minute", 60];
  const whole = Math.max(Math.floor(seconds / length), 0);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(whole);
}

// The form of the words for 1, 2 and 5 that the language uses for this number too.
function counted(forms, number) {
  const { select } = Intl.PluralRules.prototype;
  const rules = new Intl.PluralRules(language);
  const form = [1, 2, 5].findIndex((sample) => select.call(rules, sample) === select.call(rules, number));
  return forms[Math.max(form, 0)].replace("{n}", new Intl.NumberFormat(language).format(number));
}

setInterval(() => all().forEach((one) => {
  const time = one.querySelector(".board-age time");
  const text = age(time.dateTime);
  if (time.textContent !== text) time.textContent = text;
}), 30000);

document.getElementById("board-help").hidden = touches;
document.getElementById("board-help").addEventListener("click", KEYS["?"]);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
addEventListener("pageshow", (event) => { if (event.persisted) poll(); }); // the back button
sayAsOf(board.dataset.asOf);
pollForEver();
