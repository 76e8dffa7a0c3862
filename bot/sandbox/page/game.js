// The offer to play a round of Oogiri in the demo: in the chat with the bot, and between two rounds in the game's group.
import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { byId } from "./dom.js";
import { showPane } from "./sidebar.js";
import { store } from "./store.js";

const ASKED_S = 20; // a round that was asked for so recently is about to begin

export function prepareGame() {
  store.on("view messages", draw);
  for (const id of ["play-first", "play-again"]) byId(id).addEventListener("click", play);
}

const game = () => store.chats.find((chat) => chat.game && chat.members.includes(store.person));

function draw() {
  const group = game();
  byId("play-first").hidden = !group;
  byId("play-again").hidden = !group || group.id !== store.chat || store.messagesOf(group.id).length === 0 || isPlaying();
}

/** Whether a round runs in the game's group: one of its newest messages has the button that ends a step. */
function isPlaying() {
  const newest = store.messagesOf(game().id).slice(-30);
  const ends = (message) =>
    (message.reply_markup?.inline_keyboard ?? []).flat().some((key) => key.callback_data?.startsWith("e:"));
  const asked = newest.findLast((message) => message.text === "/oogiri")?.date ?? 0;
  return newest.some(ends) || Date.now() / 1000 - asked < ASKED_S;
}

async function play() {
  const group = game();
  store.show(store.person, group.id);
  showPane("conversation");
  if (isPlaying()) return;
  byId("play-again").hidden = true;
  try {
    await api.text({ person: store.person, chat: group.id, text: "/oogiri" });
  } catch (error) {
    toast(error.message, "trouble");
  }
}
