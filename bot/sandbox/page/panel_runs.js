// Past runs with their outcome and reason; an open run shows metrics, step times and both models' jokes.
import * as api from "./api.js";
import { enlarge } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { chip, curve, empty, moment, picture, words as said } from "./panel_parts.js";
import { store } from "./store.js";

const open = new Set();
const details = new Map(); // "person/run" → the bot's details of the run, or {error}

export function drawRuns(told, context) {
  if (!told.runs.length) return empty(told.words["no-runs"]);
  return el("ul", { class: "runs" }, ...told.runs.map((run) => el("li", { class: "panel-card" }, row(told, run, context), open.has(run.id) && body(told, run, context))));
}

function row({ words, language }, run, { redraw }) {
  const toggle = () => {
    if (!open.delete(run.id)) open.add(run.id);
    redraw();
  };
  return el(
    "div",
    { class: "run-row" },
    el(
      "button",
      { type: "button", class: "run-open", "aria-expanded": String(open.has(run.id)), onclick: toggle, data: { key: `run-${run.id}` } },
      el("span", { class: "run-top" }, el("strong", {}, `${words.run} ${run.id}`), chip(run.label, run.tone), el("span", { class: "grow" }), icon("down")),
      el("span", { class: "faint" }, moment(run.began, language), ` · ${run.took} · ${run.by}`),
      run.why && el("span", { class: "run-why" }, run.why),
    ),
  );
}

/** Loads a run's details once: a finished run changes only by erasure, which a reload of the page shows. */
async function load(run, { person, redraw }) {
  const key = `${person}/${run.id}`;
  details.set(key, null);
  const { language_code: language } = store.personById(person);
  details.set(key, await api.panelRun(run.id, { person, language }).catch((error) => ({ error: error.message })));
  redraw();
}

function body(told, run, context) {
  const key = `${context.person}/${run.id}`;
  if (!details.has(key)) load(run, context);
  const known = details.get(key);
  if (!known) return el("p", { class: "panel-empty" }, el("span", { class: "spinner" }), told.words.loading);
  if (known.error) {
    details.delete(key);
    open.delete(run.id);
    return empty(known.error);
  }
  return el("div", { class: "run-body" }, ...parts(told, known, context).filter(Boolean));
}

function parts({ words, language }, run, { person }) {
  return [
    run.taught && el("p", { class: "faint" }, run.taught),
    run.measures.length > 0 && measures(words, run.measures),
    run.steps.length > 0 && times(words, run.steps),
    run.losses.length > 1 && el("div", {}, el("h3", {}, words.loss), curve(run.losses, words.loss, words.step)),
    run.said.length > 0 && el("div", {}, el("h3", {}, words.jokes), el("ul", { class: "pairs" }, ...run.said.map((pair) => told(words, run, pair, person)))),
    run.picture && outcome(words, run, person, language),
  ];
}

function measures(words, rows) {
  const tone = { true: "good", false: "bad" };
  const line = (one) =>
    el("tr", {}, el("th", { scope: "row" }, one.label, one.note && el("small", {}, one.note)), el("td", {}, one.old), el("td", { class: tone[one.better] ?? "" }, one.new));
  return el(
    "table",
    { class: "measures" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, words.measures), el("th", { scope: "col" }, words.before), el("th", { scope: "col" }, words.after))),
    el("tbody", {}, ...rows.map(line)),
  );
}

function times(words, steps) {
  return el(
    "div",
    {},
    el("h3", {}, words.times),
    el("div", { class: "times", "aria-hidden": "true" }, ...steps.map((step, at) => el("span", { class: `tint-${at % 6}`, style: { "flex-grow": Math.max(step.seconds, 0.01) } }))),
    el("ul", { class: "times-names" }, ...steps.map((step, at) => el("li", { class: `tint-${at % 6}` }, step.label, el("span", { class: "faint" }, step.took)))),
  );
}

function told(words, run, pair, person) {
  const line = (label, text) => el("div", {}, el("span", { class: "faint" }, label), said(text));
  return el(
    "li",
    {},
    picture(`/sandbox/panel/runs/${run.id}/photos/${pair.photo}?person=${person}`, { alt: "" }),
    el("div", { class: "grow" }, line(words.before, pair.old), line(words.after, pair.new)),
  );
}

function outcome(words, run, person, language) {
  const theme = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  const address = `/sandbox/panel/runs/${run.id}/picture?person=${person}&language=${language}&theme=${theme}`;
  const label = `${words.picture} ${run.id}`;
  return el("button", { type: "button", class: "outcome", "aria-label": label, data: { key: `picture-${run.id}` }, onclick: () => enlarge(address, "") }, picture(address, { alt: label }));
}
