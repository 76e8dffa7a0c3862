// Translations of the page's own phrases, in the current user's language or else English. The bot's texts, also those
// of the admin pages, come from the bot.
import { en } from "./phrases_en.js";
import { zh } from "./phrases_zh.js";

const PHRASES = { en, zh };
const TAGS = { zh: "zh-Hans" };
const PLACES = { say: "textContent", sayLabel: "ariaLabel", sayTitle: "title", sayPlaceholder: "placeholder" };

let language = "";

/** Set the page's language by its code ("zh-hans" is Chinese) and translate the current page. */
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

/** A phrase, with the values of its placeholders. */
export function say(name, ...values) {
  const phrase = PHRASES[language][name];
  return typeof phrase === "function" ? phrase(...values) : phrase;
}

/** A sample's name in the page's language, if it has one. */
export const sampleName = (name) => say("sampleNames")[name] ?? name;

/** The browser's regional form of a language, for date formats: en-GB for en. */
export const formOf = (code) => navigator.languages.find((one) => one.split("-")[0] === code) ?? code;

/** Format a date (or milliseconds since 1970) in the page's language; `shape`: Intl.DateTimeFormat options. */
export const moment = (date, shape) => new Intl.DateTimeFormat(formOf(language), shape).format(date);

/** "today", "yesterday" … */
export const daysAgo = (days) => new Intl.RelativeTimeFormat(formOf(language), { numeric: "auto" }).format(days, "day");
