// Bottom: what the reader writes and sends.
import * as api from "./api.js";
import { hasFiles, portions, prepareAttachments, returnFiles, takeFiles } from "./attachments.js";
import { completionKey, prepareCompletion, suggest } from "./completion.js";
import { toast } from "./dialogs.js";
import { byId, languageOf } from "./dom.js";
import { senderName } from "./bubble.js";
import { summary } from "./media.js";
import { store } from "./store.js";

const drafts = new Map(); // "person/chat" → text not sent yet
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
  store.on("connection", drawComposer);
}

function typed(event) {
  if (event.isComposing || completionKey(event)) return;
  if (event.key === "Escape" && store.replies.has(store.chat)) setReply(null);
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  send();
}

async function send() {
  const field = byId("text");
  const text = field.value.trim();
  if (sending || (!text && !hasFiles())) return;
  const files = takeFiles();
  setText("");
  try {
    await deliver(text, files);
  } catch {
    if (!field.value) setText(text);
    returnFiles(files);
  }
}

/** Send a text, or files with the text as caption of the first. Throws after it has told the reader of a failure. */
async function deliver(text, files = { items: [] }) {
  const to = { person: store.person, chat: store.chat };
  const reply = store.replies.get(store.chat)?.message_id;
  sending = true;
  drawComposer();
  try {
    if (!files.items.length) await api.text({ ...to, text, ...(reply ? { reply_to: reply } : {}) });
    for (const [i, portion] of portions(files).entries()) {
      await api.files({ ...to, ...portion, caption: i === 0 ? text : "", replyTo: reply });
    }
    setReply(null);
  } catch (error) {
    toast(error.message, "trouble");
    throw error;
  } finally {
    sending = false;
    drawComposer();
  }
}

export async function sendPhoto(file) {
  await deliver("", { items: [file], kind: "photo" }).catch(() => {});
}

function changePlace() {
  const next = `${store.person}/${store.chat}`;
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

/** As high as its text, up to a limit that the style sheet sets. */
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
  byId("reply-name").textContent = message ? `Reply to ${senderName(message)}` : "";
  byId("reply-words").textContent = message ? summary(message) : "";
}

function drawComposer() {
  const field = byId("text");
  const chat = store.chatById(store.chat);
  const group = chat && chat.type !== "private";
  const label = hasFiles() ? "Add a caption" : group ? `Message · @${store.bot.username} calls the bot` : "Message";
  field.placeholder = label;
  field.setAttribute("aria-label", hasFiles() ? "Caption" : "Message");
  byId("send").disabled = sending || (!field.value.trim() && !hasFiles());
  byId("send").setAttribute("aria-busy", String(sending));
}
