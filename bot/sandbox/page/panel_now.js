// The current state: the active run, the serving models, the queue and the engine.
import { el } from "./dom.js";
import { action, card, chip, curve, empty, moment, percent, progress } from "./panel_parts.js";

export function drawNow(told, { command }) {
  const { words } = told;
  return el(
    "div",
    { class: "panel-now" },
    told.run ? run(told, command) : idle(words, command),
    el("div", { class: "panel-side" }, service(told), health(told), told.servers.length > 0 && servers(told)),
  );
}

function idle(words, command) {
  return card(words.runs, { class: "run" }, empty(words["no-run"]), buttons(action(words.retrain, "retrain", () => command("/retrain"), "primary"), words));
}

/** A button that sends a command, and a note on where the answer appears. */
const buttons = (button, words) => el("div", { class: "panel-buttons" }, button, el("span", { class: "faint" }, words["in-chat"]));

function run(told, command) {
  const { words, language } = told;
  const { id, state, label, steps, share, counted, left, stopping, began, by, losses } = told.run;
  return card(
    "",
    { class: "run" },
    el("h2", {}, `${words.run} ${id} · ${label}`),
    el("p", { class: "faint" }, by, " · ", moment(began, language)),
    el("ol", { class: "steps" }, ...steps.map((step) => el("li", { class: step.state, "aria-current": step.state === "now" ? "step" : null }, step.label))),
    progress(share, label),
    el("p", { class: "run-counted" }, share !== null && el("strong", {}, percent(share)), el("span", { class: "grow" }, stopping || counted), el("span", { class: "faint" }, left)),
    losses.length > 1 && curve(losses, words.loss, words.step),
    buttons(action(words[state === "canary" ? "cancel-trial" : "cancel"], "cancel", () => command("/retrain cancel")), words),
  );
}

function service({ words, service: arms, paused }) {
  return card(
    words.serves,
    {},
    el("div", { class: "split", "aria-hidden": "true" }, ...arms.map((arm) => el("span", { class: arm.status, style: { "flex-grow": arm.share } }))),
    el(
      "ul",
      { class: "split-names" },
      ...arms.map((arm) => el("li", { class: arm.status }, el("span", { class: "grow" }, `${arm.name} (${arm.id})`), el("strong", {}, percent(arm.share)))),
    ),
    paused && el("p", { class: "panel-note" }, paused),
  );
}

function health({ words, health: figures }) {
  return card(
    words.health,
    {},
    el("dl", { class: "figures" }, ...figures.map(({ label, value, tone }) => el("div", {}, el("dt", {}, label), el("dd", { class: tone }, value)))),
  );
}

function servers({ words, servers: all }) {
  const line = (one) =>
    el(
      "li",
      {},
      el("span", { class: "grow" }, el("strong", {}, one.model), " ", el("span", { class: "faint" }, one.name)),
      one.restarts && el("span", { class: "faint" }, one.restarts),
      chip(one.state, one.tone),
      one.says && el("p", { class: "faint" }, one.says),
    );
  return card(words.servers, {}, el("ul", { class: "servers" }, ...all.map(line)));
}
