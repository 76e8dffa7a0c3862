// Parts of the admin pages: cards, chips, times, bars and curves.
import { el, languageOf } from "./dom.js";
import { formOf } from "./words.js";

/** A block with a heading. */
export function card(title, props = {}, ...children) {
  return el("section", { ...props, class: `panel-card ${props.class ?? ""}` }, title && el("h2", {}, title), ...children);
}

/** A chip; tone: good, bad, open or "". */
export const chip = (text, tone = "") => el("span", { class: `chip ${tone}` }, text);

export const empty = (text) => el("p", { class: "panel-empty" }, text);

export function action(text, key, run, kind = "quiet") {
  return el("button", { type: "button", class: kind, onclick: run, data: { key } }, text);
}

/** User-written text, marked with its language. */
export const words = (text, props = {}) => el("p", { ...props, lang: languageOf(text) }, text);

/** "12 May, 14:03" in the page's language; seconds since 1970. */
export function moment(seconds, language) {
  const date = new Date(seconds * 1000);
  const shape = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return el("time", { datetime: date.toISOString() }, new Intl.DateTimeFormat(formOf(language), shape).format(date));
}

/** "12 May"; a day as 2026-05-12. */
export function dayName(day, language) {
  const [year, month, number] = day.split("-").map(Number);
  return new Intl.DateTimeFormat(formOf(language), { day: "numeric", month: "short" }).format(new Date(year, month - 1, number));
}

export const percent = (share) => `${Math.round(100 * share)}%`;

/** A progress bar; `share` null: unknown. */
export function progress(share, label) {
  const props = { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" };
  if (share === null) return el("div", { ...props, class: "bar unknown" }, el("span", {}));
  return el("div", { ...props, "aria-valuenow": Math.round(100 * share) }, el("span", { style: { width: `${100 * share}%` } }));
}

/** A share with its interval on a line from 0 to 100 %. */
export function interval({ liked, low, high }, label) {
  return el(
    "div",
    { class: "interval", role: "img", "aria-label": `${label}: ${percent(liked)} (${percent(low)}–${percent(high)})` },
    el("span", { class: "range", style: { left: `${100 * low}%`, width: `${100 * (high - low)}%` } }),
    el("span", { class: "dot", style: { left: `${100 * liked}%` } }),
  );
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const WIDTH = 600;
const HEIGHT = 200;
const SMOOTHING = 0.15;

/** A chart of [step, value]: the values, faint, and their moving mean. */
export function curve(points, label, stepsLabel) {
  const values = points.map(([, value]) => value).sort((a, b) => a - b);
  const [low, high] = [values[0], values[Math.floor(0.99 * (values.length - 1))]]; // the top 1 % is cut, so that outliers don't flatten the curve
  const last = points.at(-1)[0];
  const x = (step) => (last > points[0][0] ? ((step - points[0][0]) / (last - points[0][0])) * WIDTH : WIDTH / 2);
  const y = (value) => HEIGHT - 8 - ((Math.min(value, high) - low) / (high - low || 1)) * (HEIGHT - 16);
  let mean = points[0][1];
  const smooth = points.map(([step, value]) => [step, (mean += SMOOTHING * (value - mean))]);
  const path = (all) => all.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...[0.25, 0.5, 0.75].map((at) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT * at, y2: HEIGHT * at })),
    svg("polyline", { class: "raw", points: path(points) }),
    svg("polyline", { class: "mean", points: path(smooth) }),
  );
  const figures = `${label}: ${points[0][1].toPrecision(3)} → ${smooth.at(-1)[1].toPrecision(3)}`;
  return el(
    "figure",
    { class: "curve", role: "img", "aria-label": figures },
    el("span", { class: "curve-high" }, high.toPrecision(3)),
    drawing,
    el("span", { class: "curve-low" }, low.toPrecision(3)),
    el("figcaption", {}, el("span", {}, label), el("span", {}, `${stepsLabel} ${Math.round(last)}`)),
  );
}

const pictures = new Map(); // URL → element, so that a redraw does not reload the picture

/** A picture whose element is reused when the page is redrawn. */
export function picture(address, props) {
  if (!pictures.has(address)) {
    const made = el("img", { src: address, loading: "lazy", ...props });
    made.addEventListener("error", () => [pictures.delete(address), made.classList.add("broken")]);
    pictures.set(address, made);
  }
  return pictures.get(address);
}
