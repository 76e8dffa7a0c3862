// Suggestions above the composer: the bot's commands after "/", its name after "@".
import { byId, el } from "./dom.js";
import { store } from "./store.js";

const nothing = () => [];
let field;
let send;
let offer = nothing; // function for the list's content, called at each store change: the bot may set its commands late
let matches = [];
let chosen = 0;

export function prepareCompletion(textField, sendCommand) {
  field = textField;
  send = sendCommand;
  byId("commands").addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  byId("commands").addEventListener("click", toggleAll);
  field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && hide(), 100));
  store.on("view", follow);
}

function follow() {
  byId("commands").hidden = store.menu().length === 0;
  show(offer);
}

/** Show the current suggestions; the selected one stays selected if it is still listed. */
function show(what) {
  const before = what === offer ? matches[chosen]?.label : undefined;
  offer = what;
  matches = offer();
  chosen = Math.max(0, matches.findIndex((match) => match.label === before));
  draw();
}

const allCommands = () => store.menu().map(commandMatch);

function toggleAll() {
  if (matches.length) return hide();
  show(allCommands);
  field.focus();
}

const inGroup = () => store.chatById(store.chat)?.type !== "private";

function commandMatch({ command, description }) {
  return {
    label: `/${command}`,
    hint: description,
    use: () => [
      (field.value = ""),
      field.dispatchEvent(new Event("input")),
      send(`/${command}${inGroup() ? `@${store.bot.username}` : ""}`),
    ],
  };
}

function nameMatch(word) {
  const name = `@${store.bot.username}`;
  if (!name.toLowerCase().startsWith(word.toLowerCase()) || name === word) return [];
  const use = () => {
    field.setRangeText(`${name} `, field.selectionStart - word.length, field.selectionStart, "end");
    field.dispatchEvent(new Event("input"));
    field.focus();
  };
  return [{ label: name, hint: store.bot.first_name, use }];
}

/** Show suggestions for the text before the cursor. */
export function suggest() {
  chosen = 0;
  show(fitting);
}

function fitting() {
  const before = field.value.slice(0, field.selectionStart);
  const command = /^\/(\w*)$/u.exec(before);
  const name = /(?:^|\s)(@\w*)$/u.exec(before);
  if (command) return allCommands().filter((match) => match.label.startsWith(`/${command[1].toLowerCase()}`));
  return name && inGroup() ? nameMatch(name[1]) : [];
}

/** Handle a key of the list; returns whether the list used it. */
export function completionKey(event) {
  if (!matches.length) return false;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) chosen = (chosen + step + matches.length) % matches.length;
  else if (event.key === "Escape") return (event.preventDefault(), hide(), true);
  else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))
    return (event.preventDefault(), use(matches[chosen]), true);
  else return false;
  event.preventDefault();
  draw();
  return true;
}

function use(match) {
  hide();
  match.use();
}

function hide() {
  show(nothing);
}

function draw() {
  const list = byId("suggestions");
  list.hidden = matches.length === 0;
  list.replaceChildren(
    ...matches.map((match, i) =>
      el(
        "li",
        {
          role: "option",
          id: `suggestion-${i}`,
          "aria-selected": String(i === chosen),
          class: "suggestion",
          onmousedown: (event) => event.preventDefault(),
          onclick: () => use(match),
        },
        el("strong", {}, match.label),
        el("span", { class: "faint" }, match.hint),
      ),
    ),
  );
  field.setAttribute("aria-expanded", String(matches.length > 0));
  if (matches.length) field.setAttribute("aria-activedescendant", `suggestion-${chosen}`);
  else field.removeAttribute("aria-activedescendant");
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
}
