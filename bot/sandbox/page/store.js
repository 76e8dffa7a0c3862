// The page's state: the sandbox's state, the current user, the open chat, read marks and pending actions.
import * as api from "./api.js";
import { say } from "./words.js";

const ACTION_SHOWN_MS = 5000; // Telegram shows a chat action for five seconds or until a message arrives.

// An event of any other type reloads the state.
const CHAT_EVENTS = new Set(["message", "edit", "delete", "action", "answer"]);

class Store extends EventTarget {
  bot = { id: 0, first_name: "Bot", username: "" };
  people = [];
  chats = [];
  commands = [];
  menus = {}; // "person/chat" → commands, if not the default ones
  faults = [];
  demo = false; // whether this is `jokebot demo`, whose tiny model the page explains
  panel = false; // whether the sandbox has a bot with admin pages
  messages = new Map(); // chat id → Map(message id → message), in the order of message ids
  person = null;
  chat = null;
  connected = true;
  pressing = new Set(); // keys of buttons that wait for an answer
  replies = new Map(); // chat id → the message that the next one replies to
  #actions = new Map();
  #loading = null;
  #again = false; // the state changed after it was requested
  #waiting = [];
  #read = JSON.parse(localStorage.getItem("read") ?? "{}");

  tell(topic, detail) {
    this.dispatchEvent(new CustomEvent(topic, { detail }));
  }

  on(topics, listener) {
    for (const topic of topics.split(" ")) this.addEventListener(topic, (event) => listener(event.detail));
  }

  /** Load the state. Events that arrive meanwhile are applied after it, because it may be older. */
  load() {
    if (this.#loading) this.#again = true;
    else this.#loading = this.#loadAll().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #loadAll() {
    do {
      this.#again = false;
      this.#waiting = [];
      this.#take(await api.state());
    } while (this.#again);
    for (const event of this.#waiting) this.#apply(event);
    this.tell("view");
  }

  #take(state) {
    Object.assign(this, {
      bot: state.bot,
      people: state.people,
      chats: state.chats,
      commands: state.commands,
      menus: state.menus ?? {},
      faults: state.faults,
      panel: state.panel ?? false,
      demo: state.demo ?? false,
    });
    this.messages = new Map();
    for (const [chat, messages] of Object.entries(state.messages)) {
      const byNumber = [...messages].sort((a, b) => a.message_id - b.message_id);
      this.messages.set(Number(chat), new Map(byNumber.map((message) => [message.message_id, message])));
    }
    for (const chat of this.replies.keys()) this.#followReply(chat);
    this.#chooseFromAddress();
  }

  /** The URL's #person/chat, else the open chat, else the first user's chat with the bot. */
  #chooseFromAddress() {
    const [person, chat] = location.hash.slice(1).split("/").map(Number);
    const known = (id) => this.people.some((one) => one.id === id);
    this.person = [person, this.person, this.people[0]?.id].find(known) ?? null;
    const mine = this.myChats().map((one) => one.id);
    this.chat = [chat, this.chat, this.person, mine[0]].find((id) => mine.includes(id)) ?? null;
  }

  show(person, chat) {
    this.person = person;
    const mine = this.myChats().map((one) => one.id);
    this.chat = mine.includes(chat) ? chat : (mine.find((id) => id === person) ?? mine[0] ?? null);
    history.replaceState(null, "", `#${this.person}/${this.chat}`);
    this.tell("view");
  }

  followAddress() {
    this.#chooseFromAddress();
    this.tell("view");
  }

  myChats() {
    const last = (chat) => this.lastMessage(chat.id)?.date ?? 0;
    return this.chats
      .filter((chat) => chat.members.includes(this.person))
      .sort((a, b) => last(b) - last(a) || (a.type === "private" ? -1 : 1));
  }

  menu = () => this.menus[`${this.person}/${this.chat}`] ?? this.commands;
  chatById = (id) => this.chats.find((chat) => chat.id === id);
  personById = (id) => this.people.find((person) => person.id === id);
  titleOf = (chat) => (chat.type === "private" ? this.bot.first_name : chat.title || say("group"));
  messagesOf = (chat) => [...(this.messages.get(chat)?.values() ?? [])];
  lastMessage = (chat) => [...(this.messages.get(chat)?.values() ?? [])].at(-1);

  /** Apply an event; returns a promise if it reloads the state. */
  receive(event) {
    if (!CHAT_EVENTS.has(event.type) || !this.chatById(Number(event.chat_id))) return this.load();
    if (this.#loading) this.#waiting.push(event);
    else this.#apply(event);
    return null;
  }

  #apply(event) {
    const chat = Number(event.chat_id);
    if (event.type === "answer") return;
    if (event.type === "action") return this.#act(chat, event);
    if (event.type === "delete") this.messages.get(chat)?.delete(event.message_id);
    else this.#keep(chat, event.message);
    this.#followReply(chat);
    this.tell("messages", { chat, type: event.type, message: event.message });
  }

  #keep(chat, message) {
    if (!this.messages.has(chat)) this.messages.set(chat, new Map());
    this.messages.get(chat).set(message.message_id, message);
    if (message.from?.id === this.bot.id) this.#actions.delete(chat);
  }

  /** Update or clear the reply target after its edit or deletion. */
  #followReply(chat) {
    const answered = this.replies.get(chat);
    if (!answered) return;
    const now = this.messages.get(chat)?.get(answered.message_id);
    if (now) this.replies.set(chat, now);
    else this.replies.delete(chat);
  }

  #act(chat, event) {
    this.#actions.set(chat, { action: event.action, until: Date.now() + ACTION_SHOWN_MS });
    this.tell("action", { chat });
    setTimeout(() => this.tell("action", { chat }), ACTION_SHOWN_MS + 50);
  }

  /** The bot's current chat action as text, or "". */
  actionIn(chat) {
    const current = this.#actions.get(chat);
    if (!current || current.until < Date.now()) return "";
    return say({ upload_photo: "sendingPhoto", upload_document: "sendingFile" }[current.action] ?? "typing");
  }

  markRead(chat) {
    const last = this.lastMessage(chat)?.message_id ?? 0;
    const key = `${this.bot.id}/${this.person}/${chat}`;
    if (this.#read[key] === last) return;
    this.#read[key] = last;
    localStorage.setItem("read", JSON.stringify(this.#read));
    this.tell("read");
  }

  unread(chat) {
    const read = this.#read[`${this.bot.id}/${this.person}/${chat}`] ?? 0;
    return this.messagesOf(chat).filter((one) => one.message_id > read && one.from?.id !== this.person).length;
  }
}

export const store = new Store();
