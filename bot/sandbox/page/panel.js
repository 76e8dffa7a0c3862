// The admin pages: data of a running bot, polled while they are visible. All actions are chat commands, so that each
// has one implementation.
import * as api from "./api.js";
import { byId, el, icon } from "./dom.js";
import { drawModels } from "./panel_models.js";
import { drawNow } from "./panel_now.js";
import { drawRatings } from "./panel_ratings.js";
import { drawRuns } from "./panel_runs.js";
import { showPane } from "./sidebar.js";
import { store } from "./store.js";
import { say } from "./words.js";

const PERIOD_MS = 2000;
const TABS = { now: drawNow, runs: drawRuns, models: drawModels, ratings: drawRatings };

let admins = null; // the admins' user ids; null until the bot answers
let learning = false;
let told = null; // the bot's latest answer
let tag = "";
let trouble = "";
let timer = 0;
let asking = 0;
let shown = ""; // the displayed "person/tab"
let entering = false; // the tab gets the focus once it is drawn

export function preparePanel() {
  byId("open-panel").addEventListener("click", () => go("now"));
  store.on("view", () => [learnAdmins(), follow()]);
  store.on("connection", () => store.connected && refresh());
  document.addEventListener("visibilitychange", refresh);
}

/** Poll for the admins until the bot answers: it may start after the sandbox. */
async function learnAdmins() {
  if (learning || admins || !store.panel) return;
  learning = true;
  try {
    admins = await api.panelAdmins();
    follow();
  } catch {
    setTimeout(learnAdmins, PERIOD_MS);
  } finally {
    learning = false;
  }
}

const allowed = () => Boolean(store.panel && admins?.includes(store.person));

/** The tab in the URL (#person/chat/admin/tab), or "". */
function tabInAddress() {
  const [, , place, name = "now"] = location.hash.slice(1).split("/");
  if (place !== "admin") return "";
  return name in TABS ? name : "now";
}

function go(name) {
  history.pushState(null, "", `#${store.person}/${store.chat}/admin/${name}`);
  entering = true;
  store.tell("view");
}

function close() {
  store.show(store.person, store.chat);
  byId("open-panel").focus();
}

/** Update the page for the URL and the user. */
function follow() {
  byId("open-panel").hidden = !allowed();
  const name = allowed() ? tabInAddress() : "";
  const next = name && `${store.person}/${name}`;
  if (next === shown) return;
  if (next.split("/")[0] !== shown.split("/")[0]) [told, tag] = [null, ""];
  shown = next;
  byId("panel").hidden = !name;
  byId("conversation").hidden = Boolean(name);
  if (name) showPane("panel");
  else if (document.body.dataset.pane === "panel") showPane("conversation");
  draw();
  refresh();
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++asking;
  if (!shown || document.hidden) return;
  const { id: person, language_code: language } = store.personById(store.person);
  try {
    const answer = await api.panel({ person, language }, tag);
    if (mine !== asking) return;
    if (answer) ({ told, tag } = answer);
    if (answer || trouble) [(trouble = ""), draw()];
  } catch (error) {
    if (mine !== asking) return;
    trouble = error.message;
    draw();
  }
  timer = setTimeout(refresh, PERIOD_MS);
}

/** Send a command as the current user and open the chat; the browser's Back button returns here. */
function command(text) {
  history.pushState(null, "", location.hash);
  store.show(store.person, store.person);
  showPane("conversation");
  document.dispatchEvent(new CustomEvent("bot-command", { detail: text }));
}

function draw() {
  const name = shown.split("/")[1];
  if (!name) return;
  const panel = byId("panel");
  const focused = panel.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const head = el(
    "header",
    { class: "panel-head" },
    el("button", { type: "button", class: "round", "aria-label": say("backToChat"), onclick: close, data: { key: "close" } }, icon("back")),
    el("h1", { class: "grow", id: "panel-title" }, told?.words.title ?? say("admin")),
    trouble && el("p", { class: "panel-trouble", role: "status" }, el("span", { class: "spinner", "aria-hidden": "true" }), trouble),
  );
  const body = el("div", { class: "panel-body", role: "tabpanel", id: "panel-body", "aria-labelledby": `tab-${name}`, tabindex: "0", data: { key: "body" } });
  const top = byId("panel-body")?.dataset.tab === name ? byId("panel-body").scrollTop : 0;
  body.dataset.tab = name;
  if (told) body.append(TABS[name](told, { person: store.person, command, redraw: draw }));
  else if (!trouble) body.append(el("p", { class: "panel-empty" }, el("span", { class: "spinner" }), say("loading")));
  panel.lang = told?.language ?? "en";
  panel.replaceChildren(head, ...(told ? [tabs(name)] : []), body);
  body.scrollTop = top;
  if (entering && told) panel.querySelector('[aria-selected="true"]').focus();
  else if (focused) panel.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  if (told) entering = false;
}

function tabs(current) {
  const names = Object.keys(TABS);
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) [event.preventDefault(), go(names[(names.indexOf(current) + by + names.length) % names.length])];
  };
  const tab = (name) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-selected": String(name === current),
        "aria-controls": "panel-body",
        tabindex: name === current ? "0" : "-1",
        data: { key: `tab-${name}` },
        onclick: () => go(name),
      },
      told.words[name],
    );
  return el("div", { class: "panel-tabs", role: "tablist", "aria-label": told.words.tabs, onkeydown: step }, ...names.map(tab));
}
