// One message, or one album, as an element that can be updated in place.
import { avatar, el, hueOf, icon, languageOf, setChildren } from "./dom.js";
import { rich } from "./entities.js";
import { keyboard } from "./keyboard.js";
import { media, mediaKey, summary, thumbnail } from "./media.js";
import { fileAddress } from "./api.js";
import { store } from "./store.js";
import { moment, say } from "./words.js";

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const EXACT = { dateStyle: "medium", timeStyle: "medium" };

const blocks = new WeakMap(); // element → its current block

/** The element of a block {messages, startsRun, endsRun}: one message, or all messages of an album. */
export function makeBubble(block) {
  const node = el("article", { class: "message", tabindex: "-1" });
  const answer = el(
    "button",
    { type: "button", class: "reply-arrow", title: say("reply"), onclick: () => startReply(blocks.get(node).messages[0]) },
    icon("reply"),
  );
  node.append(el("span", { class: "side" }), el("div", { class: "stack" }, el("div", { class: "bubble" })), answer);
  updateBubble(node, block);
  return node;
}

/** Update the element: unchanged media stay in place, appended text fades in. */
export function updateBubble(node, block) {
  blocks.set(node, block);
  const [first] = block.messages;
  const mine = first.from?.id === store.person;
  const marks = {
    mine,
    theirs: !mine,
    grouped: showsSender(first),
    "starts-run": block.startsRun,
    "ends-run": block.endsRun,
    bare: isBare(block),
    "sticker-only": Boolean(first.sticker),
  };
  for (const [name, on] of Object.entries(marks)) node.classList.toggle(name, on);
  node.dataset.messageId = first.message_id;
  node.setAttribute("aria-label", `${senderName(first)}, ${moment(first.date * 1000, CLOCK)}`);
  setChildren(node.querySelector(".bubble"), [
    sender(first, block),
    quotation(first),
    mediaPart(node, block),
    textPart(node, block),
    time(block),
  ]);
  setChildren(node.querySelector(".side"), [
    showsSender(first) && block.endsRun && avatar(first.from.id, senderName(first), first.from.is_bot),
  ]);
  node.querySelector(".reply-arrow").setAttribute("aria-label", say("replyToWords", senderName(first), summary(first)));
  updateKeys(node, block.messages.find((one) => one.reply_markup) ?? first);
}

/** Whether the block has media without text; the time then overlays the picture. */
const isBare = ({ messages: [first, ...others] }) =>
  [first, ...others].every((one) => !one.text && !one.caption) && (!first.document || Boolean(first.animation));
const showsSender = (message) => message.chat.type !== "private" && message.from?.id !== store.person;

export function senderName(message) {
  if (message.from?.id === store.person) return say("you");
  return (
    [message.from?.first_name, message.from?.last_name].filter(Boolean).join(" ") || message.chat.title || say("somebody")
  );
}

function sender(message, block) {
  if (!showsSender(message) || !block.startsRun) return null;
  return el(
    "p",
    { class: message.from.is_bot ? "sender bot" : "sender", style: { "--hue": hueOf(message.from.id) } },
    senderName(message),
    message.from.is_bot && el("span", { class: "tag" }, say("bot")),
  );
}

function quotation(message) {
  const original = message.reply_to_message;
  if (!original) return null;
  const words = summary(original);
  const small = thumbnail(original);
  return el(
    "button",
    {
      type: "button",
      class: "quotation",
      "aria-label": say("inReplyTo", senderName(original), words),
      onclick: () => goTo(original.message_id),
    },
    small && el("img", { src: fileAddress(small), alt: "" }),
    el(
      "span",
      { class: "quotation-words" },
      el("strong", {}, senderName(original)),
      el("span", { lang: languageOf(words) }, words),
    ),
  );
}

function mediaPart(node, block) {
  const key = block.messages.map(mediaKey).join(" ");
  const old = node.querySelector(".media");
  if (old?.dataset.key === key) return old;
  const parts = block.messages.map(media).filter(Boolean);
  if (!parts.length) return null;
  return el("div", { class: `media count-${Math.min(parts.length, 10)}`, data: { key } }, ...parts);
}

function textPart(node, block) {
  const carrier = block.messages.find((one) => one.text ?? one.caption);
  if (!carrier) return null;
  const text = carrier.text ?? carrier.caption;
  const entities = carrier.entities ?? carrier.caption_entities ?? [];
  const old = node.querySelector(".text");
  const part = el("div", { class: "text", lang: languageOf(text), dir: "auto", data: { words: text } });
  const kept = old && !entities.length ? commonStart(old.dataset.words, text) : text.length;
  if (kept < text.length) part.append(text.slice(0, kept), el("span", { class: "fresh" }, text.slice(kept)));
  else part.append(rich(text, entities));
  return part;
}

/** Length of the common prefix of two texts, never ending inside a surrogate pair. */
function commonStart(before, after) {
  let at = 0;
  while (at < before.length && at < after.length && before[at] === after[at]) at += 1;
  return at > 0 && /[\ud800-\udbff]/.test(after[at - 1]) ? at - 1 : at;
}

function time(block) {
  const last = block.messages.at(-1);
  const edited = last.edit_date ? say("edited", moment(last.edit_date * 1000, EXACT)) : "";
  const date = new Date(last.date * 1000);
  return el(
    "time",
    { class: "moment", datetime: date.toISOString(), title: moment(date, EXACT) + edited },
    moment(date, CLOCK),
  );
}

/** Update changed buttons; the focused button keeps the focus. */
function updateKeys(node, message) {
  const stack = node.querySelector(".stack");
  const old = stack.querySelector(".keyboard");
  const fresh = keyboard(message);
  if (old && old.dataset.state === fresh?.dataset.state) return;
  const focused = old ? [...old.querySelectorAll(".key")].indexOf(document.activeElement) : -1;
  old?.remove();
  if (!fresh) return;
  stack.append(fresh);
  if (focused >= 0) fresh.querySelectorAll(".key")[focused]?.focus({ preventScroll: true });
}

function startReply(message) {
  store.replies.set(message.chat.id, message);
  store.tell("reply");
}

function goTo(messageId) {
  const target = document.querySelector(`.message[data-message-id="${Number(messageId)}"]`);
  if (!target) return;
  target.scrollIntoView({ block: "center", behavior: "smooth" });
  target.classList.remove("shown");
  requestAnimationFrame(() => target.classList.add("shown"));
}
