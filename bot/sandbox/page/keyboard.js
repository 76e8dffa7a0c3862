// Inline keyboards: buttons that are busy until the bot answers; the answer is a toast or a dialog.
import * as api from "./api.js";
import { alertBox, toast } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { safeAddress } from "./entities.js";
import { store } from "./store.js";
import { say } from "./words.js";

export function keyboard(message) {
  const rows = message.reply_markup?.inline_keyboard ?? [];
  if (!rows.length) return null;
  const waiting = rows.flat().map((button) => store.pressing.has(keyName(message, button.callback_data)));
  const state = JSON.stringify([rows, waiting]);
  return el(
    "div",
    { class: "keyboard", role: "group", "aria-label": say("buttons"), data: { state } },
    ...rows.map((row) => el("div", { class: "keyboard-row" }, ...row.map((button) => key(message, button)))),
  );
}

function key(message, button) {
  if (button.url) return link(button);
  const data = button.callback_data;
  const waiting = store.pressing.has(keyName(message, data));
  const { label, count } = parts(button.text);
  return el(
    "button",
    {
      type: "button",
      class: "key",
      data: { data: data ?? "" },
      "aria-label": count ? `${label} ${count}` : label,
      "aria-busy": waiting ? "true" : null,
      disabled: data === undefined,
      onclick: () => press(message, data),
    },
    el("span", { class: "key-label" }, label),
    count && el("span", { class: "key-count" }, count),
  );
}

function link(button) {
  const href = safeAddress({ type: "text_link", url: button.url });
  return el(
    href ? "a" : "span",
    { class: "key", href, target: "_blank", rel: "noopener noreferrer" },
    button.text,
    icon("out"),
  );
}

/** Split "😂 2" into the label 😂 and the count 2; "1 / 14" counts nothing. */
function parts(text) {
  const [, label, count] = /^(.*?[^\s/])\s+(\d[\d\s.,]*[kKM]?)$/u.exec(text) ?? [null, text, ""];
  return { label, count };
}

const keyName = (message, data) => `${message.chat.id}/${message.message_id}/${data}`;

async function press(message, data) {
  const name = keyName(message, data);
  if (store.pressing.has(name)) return;
  store.pressing.add(name);
  store.tell("pressing", { message });
  try {
    const { answer } = await api.press({
      person: store.person,
      chat: message.chat.id,
      message_id: message.message_id,
      data,
    });
    show(answer);
  } catch (error) {
    toast(error.message, "trouble");
  } finally {
    store.pressing.delete(name);
    store.tell("pressing", { message });
  }
}

function show(answer) {
  if (!answer) return toast(say("buttonSilent"), "trouble");
  if (!answer.text) return;
  if (answer.show_alert) alertBox(answer.text);
  else toast(answer.text);
}
