// The composer: writes and sends messages.
import * as api from "./api.js";
import { hasFiles, portions, prepareAttachments, returnFiles, takeFiles } from "./attachments.js";
import { completionKey, prepareCompletion, suggest } from "./completion.js";
import { toast } from "./dialogs.js";
import { byId, languageOf } from "./dom.js";
import { senderName } from "./bubble.js";
import { summary } from "./media.js";
import { store } from "./store.js";
import { say } from "./words.js";

const drafts = new Map(); // "person/chat" → unsent text
let place = "";
let sending = false;

export function prepareComposer() {
  const field = byId("text");
  prepareAttachments(drawComposer);
  prepareCompletion(field, (command) => deliver(command));
  byId("composer").addEventListener("submit", (event) => [event.preventDefault(), send()]);
  field.addEventListener("input", () => [fit(), suggest(), drawComposer()]);
  field.addEventListener("keydown", typed);
  byId("no-reply").addEventListener("click", () => setReply(null));
  document.addEventListener("bot-command", (event) => deliver(event.detail));
  store.on("view", changePlace);
  store.on("reply", () => [drawReply(), field.focus()]);
  store.on("messages", drawReply);
  store.on("connection", drawComposer);
}

function typed(event) {
  if (event.isComposing || completionKey(event)) return;
  if (event.key === "Escape" && store.replies.has(store.chat)) setReply(null);
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  send();
}

const here = () => ({ person: store.person, chat: store.chat });
const nameOf = ({ person, chat }) => `${person}/${chat}`;

async function send() {
  const field = byId("text");
  const text = field.value.trim();
  if (sending || (!text && !hasFiles())) return;
  const to = here();
  const files = takeFiles();
  setText("");
  const left = await deliver(text, files, to);
  if (!left) return;
  if (nameOf(to) !== place) drafts.set(nameOf(to), left.text);
  else if (!field.value) setText(left.text);
  returnFiles(left.files);
}

/** Send a text, or files with the text as the first one's caption. Returns the unsent rest, or null. */
async function deliver(text, files = { items: [] }, to = here()) {
  const reply = store.replies.get(to.chat)?.message_id;
  const all = portions(files);
  let waiting = all;
  sending = true;
  drawComposer();
  try {
    if (!all.length) await api.text({ ...to, text, ...(reply ? { reply_to: reply } : {}) });
    for (; waiting.length; waiting = waiting.slice(1)) {
      await api.files({ ...to, ...waiting[0], caption: waiting === all ? text : "", replyTo: reply });
    }
    store.replies.delete(to.chat);
    return null;
  } catch (error) {
    toast(error.message, "trouble");
    const items = waiting.flatMap((portion) => portion.items);
    return { text: waiting === all ? text : "", files: { ...files, items } };
  } finally {
    sending = false;
    drawReply();
    drawComposer();
  }
}

export async function sendPhoto(file) {
  await deliver("", { items: [file], kind: "photo" });
}

function changePlace() {
  const next = nameOf(here());
  if (next !== place) {
    drafts.set(place, byId("text").value);
    place = next;
    setText(drafts.get(place) ?? "");
    if (matchMedia("(hover: hover)").matches && !document.querySelector("dialog[open]"))
      byId("text").focus({ preventScroll: true });
  }
  drawReply();
  drawComposer();
}

function setText(text) {
  byId("text").value = text;
  fit();
  suggest();
  drawComposer();
}

/** Fit the height to the text, up to the style sheet's limit. */
function fit() {
  const field = byId("text");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  field.lang = languageOf(field.value) ?? "";
}

function setReply(message) {
  if (message) store.replies.set(store.chat, message);
  else store.replies.delete(store.chat);
  drawReply();
}

function drawReply() {
  const message = store.replies.get(store.chat);
  byId("reply").hidden = !message;
  byId("reply-name").textContent = message ? say("replyTo", senderName(message)) : "";
  byId("reply-words").textContent = message ? summary(message) : "";
}

function drawComposer() {
  const field = byId("text");
  const chat = store.chatById(store.chat);
  const group = chat && chat.type !== "private";
  field.placeholder = hasFiles() ? say("addCaption") : group ? say("messageInGroup", store.bot.username) : say("message");
  field.setAttribute("aria-label", say(hasFiles() ? "caption" : "message"));
  byId("send").disabled = sending || (!field.value.trim() && !hasFiles());
  byId("send").setAttribute("aria-busy", String(sending));
}
