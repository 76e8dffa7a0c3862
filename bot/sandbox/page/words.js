// The page's own words, in the language of the person that the reader is; English where there are none in it. What the
// bot says, on the admin pages too, comes from the bot.
import { en } from "./phrases_en.js";
import { zh } from "./phrases_zh.js";

const PHRASES = { en, zh };
const TAGS = { zh: "zh-Hans" };
const PLACES = { say: "textContent", sayLabel: "ariaLabel", sayTitle: "title", sayPlaceholder: "placeholder" };

let language = "";

/** Speak the language with this code ("zh-hans" is Chinese), in what stands on the page already and from now on. */
export function speak(code) {
  const known = code.split("-")[0];
  const next = known in PHRASES ? known : "en";
  if (next === language) return;
  language = next;
  document.documentElement.lang = TAGS[language] ?? language;
  for (const [mark, property] of Object.entries(PLACES)) {
    const attribute = `data-${mark.replace(/[A-Z]/u, (letter) => `-${letter.toLowerCase()}`)}`;
    for (const node of document.querySelectorAll(`[${attribute}]`)) node[property] = say(node.dataset[mark]);
  }
}

/** A phrase; those with blanks take what fills them. */
export function say(name, ...values) {
  const phrase = PHRASES[language][name];
  return typeof phrase === "function" ? phrase(...values) : phrase;
}

/** A sample's name, where the language has one of its own for it. */
export const sampleName = (name) => say("sampleNames")[name] ?? name;

/** The reader's own form of a language, which knows how they write times: en-GB for en. */
export const formOf = (code) => navigator.languages.find((one) => one.split("-")[0] === code) ?? code;

/** A date (or its milliseconds since 1970) as the page's language writes it; `shape` as for Intl.DateTimeFormat. */
export const moment = (date, shape) => new Intl.DateTimeFormat(formOf(language), shape).format(date);

/** "today", "yesterday" … */
export const daysAgo = (days) => new Intl.RelativeTimeFormat(formOf(language), { numeric: "auto" }).format(days, "day");
