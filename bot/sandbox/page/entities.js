// Telegram's text entities as elements. Offsets count UTF-16 units, as JavaScript's strings do.
import { el } from "./dom.js";

const PLAIN = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};
const SAFE = new Set(["http:", "https:", "mailto:", "tel:", "tg:"]);

/** The text with its entities, as a fragment. Entities may nest; a nested one is cut at its parent's end. */
export function rich(text, entities = []) {
  const queue = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fragment = document.createDocumentFragment();
  fill(fragment, text, 0, text.length, queue);
  return fragment;
}

function fill(parent, text, from, to, queue) {
  let at = from;
  while (queue.length && queue[0].offset < to) {
    const entity = queue.shift();
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < at || end <= entity.offset) continue;
    const node = elementFor(entity, text.slice(entity.offset, end));
    parent.append(text.slice(at, entity.offset), node);
    fill(node, text, entity.offset, end, queue);
    at = isBlock(entity) && text[end] === "\n" ? end + 1 : end; // a block element already breaks the line
  }
  parent.append(text.slice(at, to));
}

const isBlock = (entity) => entity.type === "pre" || entity.type.endsWith("blockquote");

function elementFor(entity, words) {
  if (entity.type in PLAIN) return el(PLAIN[entity.type]);
  if (entity.type === "pre") return el("pre", { data: { language: entity.language ?? "" } });
  if (entity.type === "spoiler") return spoiler();
  if (entity.type === "bot_command") return command(words);
  const href = safeAddress(entity, words);
  return href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }) : el("span", { class: entity.type });
}

function spoiler() {
  const reveal = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.currentTarget.classList.add("revealed");
  };
  return el("span", {
    class: "spoiler",
    role: "button",
    tabindex: "0",
    title: "Show the hidden words",
    onclick: reveal,
    onkeydown: reveal,
  });
}

/** A /command in a text, as a button; the composer handles its event and sends the command. */
function command(words) {
  const send = (event) =>
    event.currentTarget.dispatchEvent(new CustomEvent("bot-command", { bubbles: true, detail: words }));
  return el("button", { type: "button", class: "command", title: `Send ${words}`, onclick: send });
}

/** A safe URL for a link, or null for other schemes (javascript:, data:). */
export function safeAddress(entity, words = "") {
  const raw = { text_link: entity.url, url: words, email: `mailto:${words}`, phone_number: `tel:${words}` }[
    entity.type
  ];
  if (!raw) return null;
  try {
    const address = new URL(/^[a-z][a-z0-9+.-]*:/i.test(raw) ? raw : `https://${raw}`);
    return SAFE.has(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}
