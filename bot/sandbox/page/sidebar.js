// Left: who the reader is, and that person's chats. Above the conversation: its title and what the bot is doing.
import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { avatar, byId, el, icon, languageOf, popoverMenu } from "./dom.js";
import { summary } from "./media.js";
import { store } from "./store.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function prepareSidebar() {
  popoverMenu(byId("me"), byId("people"), listPeople);
  byId("person-form").addEventListener("submit", addPerson);
  byId("group-form").addEventListener("submit", addGroup);
  byId("new-group").addEventListener("click", () => openGroupForm());
  byId("back").addEventListener("click", () => showPane("chats"));
  store.on("view", () => [drawMe(), drawChats(), drawHeader()]);
  store.on("messages read", drawChats);
  store.on("action messages", drawHeader);
  store.on("connection", drawConnection);
}

/** On a narrow window one of the two panes is shown: "chats" or "conversation". */
export function showPane(name) {
  document.body.dataset.pane = name;
}

function drawMe() {
  const person = store.personById(store.person);
  if (!person) return;
  byId("me").replaceChildren(avatar(person.id, person.name),
    el("span", { class: "me-words" }, el("span", { class: "me-name" }, person.name), el("span", { class: "me-hint" }, `You are this person · ${person.language_code}`)),
    icon("down"));
  byId("me").setAttribute("aria-label", `You are ${person.name}. Switch person`);
}

function listPeople() {
  const choose = (person) => {
    byId("people").hidePopover();
    store.show(person.id, store.chat !== store.person && store.chatById(store.chat)?.members?.includes(person.id) ? store.chat : person.id);
  };
  const rows = store.people.map((person) => el("li", {},
    el("button", { type: "button", class: "menu-row", "aria-current": person.id === store.person ? "true" : null, onclick: () => choose(person) },
      avatar(person.id, person.name), el("span", { class: "grow" }, person.name), el("span", { class: "faint" }, person.language_code))));
  const add = el("li", {}, el("button", { type: "button", class: "menu-row accent", onclick: openPersonForm }, icon("plus"), "Add a person"));
  byId("people").replaceChildren(el("ul", {}, ...rows, add));
}

function openPersonForm() {
  byId("people").hidePopover();
  byId("person-dialog").showModal();
}

async function addPerson(event) {
  event.preventDefault();
  const form = event.target;
  const values = Object.fromEntries(new FormData(form));
  await attempt(async () => {
    const person = await api.addPerson({ name: values.name.trim(), language_code: values.language_code.trim() || "en" });
    await store.load();
    store.show(person.id, person.id);
    form.reset();
    byId("person-dialog").close();
  });
}

function openGroupForm() {
  byId("group-members").replaceChildren(...store.people.map((person) => el("label", { class: "menu-row" },
    el("input", { type: "checkbox", name: "members", value: person.id, checked: true }), avatar(person.id, person.name), person.name)));
  byId("group-dialog").showModal();
}

async function addGroup(event) {
  event.preventDefault();
  const form = event.target;
  const values = new FormData(form);
  const members = values.getAll("members").map(Number);
  await attempt(async () => {
    const group = await api.addGroup({ title: values.get("title").trim(), members });
    await store.load();
    store.show(members.includes(store.person) ? store.person : members[0], group.id);
    form.reset();
    byId("group-dialog").close();
    showPane("conversation");
  });
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message, "trouble");
  }
}

function drawChats() {
  const focused = document.activeElement?.closest("#chats button")?.dataset.chat;
  byId("chats").replaceChildren(...store.myChats().map(chatRow));
  if (focused) byId("chats").querySelector(`[data-chat="${Number(focused)}"]`)?.focus({ preventScroll: true });
}

function chatRow(chat) {
  const last = store.lastMessage(chat.id);
  const unread = chat.id === store.chat && document.visibilityState === "visible" ? 0 : store.unread(chat.id);
  const title = store.titleOf(chat);
  const open = () => {
    store.show(store.person, chat.id);
    showPane("conversation");
  };
  return el("li", {}, el("button", { type: "button", class: "chat", data: { chat: chat.id }, "aria-current": chat.id === store.chat ? "true" : null, onclick: open },
    avatar(chat.id, title, chat.type === "private"),
    el("span", { class: "chat-words" },
      el("span", { class: "chat-top" }, el("span", { class: "chat-title", lang: languageOf(title) }, title), last && el("time", { class: "faint" }, when(last.date))),
      el("span", { class: "chat-top" }, lastLine(chat, last), unread > 0 && el("span", { class: "badge", "aria-label": `${unread} unread` }, String(unread))))));
}

function lastLine(chat, message) {
  if (!message) return el("span", { class: "chat-last" }, chat.type === "private" ? "Send a photo, get a joke" : "No messages yet");
  const mine = message.from?.id === store.person;
  const sender = mine ? "You: " : chat.type === "private" ? "" : `${message.from?.first_name ?? ""}: `;
  const words = summary(message).replace(/\s+/gu, " ").slice(0, 120);
  return el("span", { class: "chat-last", lang: languageOf(words) }, el("span", { class: "faint" }, sender), words);
}

function when(seconds) {
  const moment = new Date(seconds * 1000);
  return moment.toDateString() === new Date().toDateString() ? clock.format(moment) : date.format(moment);
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
  const doing = chat.type === "private" ? action : action && `${store.bot.first_name} is ${action}`;
  byId("chat-status").textContent = doing || membersLine(chat);
  byId("chat-status").classList.toggle("acting", Boolean(action));
  byId("dots").classList.toggle("away", !action);
}

function membersLine(chat) {
  if (chat.type === "private") return `@${store.bot.username} · bot`;
  const names = (chat.members ?? []).map((id) => (id === store.person ? "you" : store.personById(id)?.name)).filter(Boolean);
  return [store.bot.first_name, ...names].join(", ");
}

function drawConnection() {
  byId("offline").classList.toggle("away", store.connected);
  byId("offline-words").textContent = store.connected ? "" : "Connection lost. Trying again…";
}
