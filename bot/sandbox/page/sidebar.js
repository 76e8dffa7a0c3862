// The sidebar with the current user's chats, and the conversation's title and status.
import { avatar, byId, el, languageOf, setChildren } from "./dom.js";
import { summary } from "./media.js";
import { store } from "./store.js";
import { moment, say } from "./words.js";

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const DATE = { day: "numeric", month: "short" };
const rows = new Map(); // chat id → its element

export function prepareSidebar() {
  byId("back").addEventListener("click", () => showPane("chats"));
  store.on("view", () => [drawChats(), drawHeader()]);
  store.on("messages read", drawChats);
  store.on("action messages", drawHeader);
  store.on("connection", drawConnection);
}

/** Choose the visible pane in a narrow window: "chats" or "conversation". */
export function showPane(name) {
  document.body.dataset.pane = name;
}

function drawChats() {
  setChildren(byId("chats"), store.myChats().map(chatRow));
}

/** Update the chat's row in place, so that clicks and focus survive a new message. */
function chatRow(chat) {
  const row = rows.get(chat.id) ?? makeRow(chat.id);
  rows.set(chat.id, row);
  const open = chat.id === store.chat;
  const title = store.titleOf(chat);
  const last = store.lastMessage(chat.id);
  const unread = open && document.visibilityState === "visible" ? 0 : store.unread(chat.id);
  const time = last && el("time", { class: "faint" }, when(last.date));
  const badge = unread > 0 && el("span", { class: "badge", "aria-label": say("unread", unread) }, String(unread));
  const name = el("span", { class: "chat-title", lang: languageOf(title) }, title);
  const top = el("span", { class: "chat-top" }, name, time);
  const bottom = el("span", { class: "chat-top" }, lastLine(chat, last), badge);
  const words = el("span", { class: "chat-words" }, top, bottom);
  row.firstChild.replaceChildren(avatar(chat.id, title, chat.type === "private"), words);
  row.firstChild.setAttribute("aria-current", String(open));
  return row;
}

function makeRow(id) {
  const open = () => {
    store.show(store.person, id);
    showPane("conversation");
  };
  return el("li", {}, el("button", { type: "button", class: "chat", data: { chat: id }, onclick: open }));
}

function lastLine(chat, message) {
  if (!message)
    return el("span", { class: "chat-last" }, say(chat.type === "private" ? "emptyTitle" : "noMessages"));
  const mine = message.from?.id === store.person;
  const sender = mine ? say("youSaid") : chat.type === "private" ? "" : say("said", message.from?.first_name ?? "");
  const words = summary(message).replace(/\s+/gu, " ").slice(0, 120);
  return el("span", { class: "chat-last", lang: languageOf(words) }, el("span", { class: "faint" }, sender), words);
}

function when(seconds) {
  const then = new Date(seconds * 1000);
  return moment(then, then.toDateString() === new Date().toDateString() ? CLOCK : DATE);
}

function drawHeader() {
  const chat = store.chatById(store.chat);
  byId("conversation").classList.toggle("none", !chat);
  if (!chat) return;
  const title = store.titleOf(chat);
  byId("chat-avatar").replaceChildren(avatar(chat.id, title, chat.type === "private"));
  byId("chat-title").textContent = title;
  byId("chat-title").lang = languageOf(title) ?? "";
  const action = store.actionIn(chat.id);
  const doing = chat.type === "private" ? action : action && say("botIs", store.bot.first_name, action);
  byId("chat-status").textContent = doing || membersLine(chat);
  byId("chat-status").classList.toggle("acting", Boolean(action));
  byId("dots").classList.toggle("away", !action);
}

function membersLine(chat) {
  if (chat.type === "private") return `@${store.bot.username} · ${say("bot")}`;
  const names = (chat.members ?? [])
    .map((id) => (id === store.person ? say("youAmongOthers") : store.personById(id)?.name))
    .filter(Boolean);
  return [store.bot.first_name, ...names].join(", ");
}

function drawConnection() {
  byId("offline").classList.toggle("away", store.connected);
  byId("offline-words").textContent = store.connected ? "" : say("offline");
}
