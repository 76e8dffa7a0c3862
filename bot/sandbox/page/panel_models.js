// The models: origin, ratings and share of the photos of each.
import { el } from "./dom.js";
import { action, chip, interval, moment, percent } from "./panel_parts.js";

const TONES = { champion: "good", canary: "open", candidate: "open", rejected: "bad" };

export function drawModels(told, { command }) {
  const { words } = told;
  const back = told.back && action(`${words["roll-back"]} ${told.back}`, "roll-back", () => command("/rollback"));
  return el(
    "div",
    {},
    back && el("div", { class: "panel-buttons" }, back, el("span", { class: "faint" }, words["in-chat"])),
    el("ul", { class: "models" }, ...told.models.map((model) => one(told, model, command))),
    el("p", { class: "panel-note faint" }, words.interval),
  );
}

function one({ words, language, service }, model, command) {
  const share = service.find((arm) => arm.id === model.id)?.share;
  return el(
    "li",
    { class: `panel-card model ${model.status}` },
    el("div", { class: "model-top" }, el("strong", { class: "model-name" }, `${model.name} (${model.id})`), chip(model.label, TONES[model.status] ?? ""), share !== undefined && chip(`${words.share} ${percent(share)}`)),
    el("p", { class: "faint" }, origin(words, model), moment(model.made, language)),
    el("p", { class: "faint" }, `${words.jokes}: ${model.jokes.toLocaleString(language)}`),
    model.ratings > 0 && liking(words.liked, model),
    model.people && (model.people.liked === null ? el("p", { class: "faint" }, model.people.counted) : liking(words.beats, model.people)),
    model.why && el("p", { class: "faint" }, model.why),
    model.gone && el("p", { class: "faint" }, words.gone),
    model.may && el("div", { class: "panel-buttons" }, action(words.promote, `promote-${model.id}`, () => command(`/promote ${model.id}`))),
  );
}

function origin(words, { parent, start, run }) {
  const made = [parent && `${words.from} ${parent}`, start && start !== parent && `${words.start} ${start}`, run && `${words.run} ${run}`];
  return [...made.filter(Boolean), ""].join(" · ");
}

/** A share with its interval and what it was counted from. */
function liking(name, one) {
  return el(
    "div",
    { class: "model-liking" },
    el("p", {}, el("strong", {}, percent(one.liked)), ` ${name} `, el("span", { class: "faint" }, `${percent(one.low)}–${percent(one.high)} · ${one.counted}`)),
    interval(one, name),
  );
}
