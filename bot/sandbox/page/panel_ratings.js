// Ratings by day and by model, and the latest ratings.
import { el } from "./dom.js";
import { card, dayName, empty, moment, percent, picture, words as said } from "./panel_parts.js";

const VERDICTS = { funny: "😂", somewhat: "🙂", unfunny: "😐" };
const total = (one) => one.funny + one.somewhat + one.unfunny;

export function drawRatings(told, { person }) {
  const { words } = told;
  if (!told.by_model.length) return empty(words["nothing-rated"]);
  return el(
    "div",
    { class: "panel-ratings" },
    card(words["by-day"], { class: "by-day" }, byDay(told), legend(words)),
    card(words["by-model"], { class: "by-model" }, byModel(told)),
    card(words["rated-last"], { class: "last" }, el("ul", { class: "recent" }, ...told.recent.map((one) => recent(told, one, person)))),
  );
}

/** A stacked bar of the ratings; `most` is the count at full length. */
const stack = (one, most, side) =>
  Object.keys(VERDICTS)
    .filter((name) => one[name] > 0)
    .map((name) => el("span", { class: name, style: { [side]: `${(100 * one[name]) / most}%` } }));

function byDay({ days, language }) {
  const most = Math.max(1, ...days.map(total));
  const middle = days[Math.floor(days.length / 2)];
  const told = days.filter(total).map((day) => `${dayName(day.at, language)}: ${total(day)}`);
  return el(
    "figure",
    { class: "columns", role: "img", "aria-label": told.join(", ") },
    el("span", { class: "columns-most" }, most.toLocaleString(language)),
    el("div", { class: "columns-plot" }, ...days.map((day) => el("div", { class: "day-column", title: `${dayName(day.at, language)}: ${total(day)}` }, ...stack(day, most, "height")))),
    el("figcaption", {}, ...[days[0], middle, days.at(-1)].map((day) => el("span", {}, dayName(day.at, language)))),
  );
}

const legend = (words) =>
  el("ul", { class: "legend" }, ...Object.entries(VERDICTS).map(([name, face]) => el("li", { class: name }, `${face} ${words[name]}`)));

function byModel({ by_model: models, language }) {
  const line = (one) =>
    el(
      "li",
      {},
      el("div", { class: "by-model-top" }, el("strong", { class: "grow" }, one.model), counts(one, language)),
      el("div", { class: "stacked", role: "img", "aria-label": Object.keys(VERDICTS).map((name) => `${VERDICTS[name]} ${percent(one[name] / total(one))}`).join(", ") }, ...stack(one, total(one), "width")),
    );
  return el("ul", { class: "by-model-list" }, ...models.map(line));
}

const counts = (one, language) =>
  el("span", { class: "counts" }, ...Object.entries(VERDICTS).map(([name, face]) => one[name] > 0 && el("span", {}, `${face} ${one[name].toLocaleString(language)}`)));

function recent({ language }, one, person) {
  return el(
    "li",
    {},
    picture(`/sandbox/panel/jokes/${one.joke_id}/photo?person=${person}`, { alt: "" }),
    el("div", { class: "grow" }, said(one.text, { class: "recent-joke" }), el("p", { class: "faint" }, counts(one, language), ` · ${one.model} (${one.model_id}) · `, moment(one.at, language))),
  );
}
