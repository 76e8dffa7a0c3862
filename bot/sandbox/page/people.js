// The choice of the current user, and the forms for new users and groups.
import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { avatar, byId, el, icon, popoverMenu } from "./dom.js";
import { showPane } from "./sidebar.js";
import { store } from "./store.js";
import { say } from "./words.js";

export function preparePeople() {
  popoverMenu(byId("me"), byId("people"), listPeople);
  byId("person-form").addEventListener("submit", addPerson);
  byId("group-form").addEventListener("submit", addGroup);
  byId("new-group").addEventListener("click", openGroupForm);
  store.on("view", () => [drawMe(), drawOpen()]);
}

/** Add new users to the open lists. */
function drawOpen() {
  const list = byId("people");
  if (list.matches(":popover-open")) {
    const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    listPeople();
    if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
  }
  if (byId("group-dialog").open) listMembers();
}

function drawMe() {
  const person = store.personById(store.person);
  if (!person) return;
  byId("me").replaceChildren(
    avatar(person.id, person.name),
    el(
      "span",
      { class: "me-words" },
      el("span", { class: "me-name" }, person.name),
      el("span", { class: "me-hint" }, `${say("youAre")} · ${person.language_code}`),
    ),
    icon("down"),
  );
  byId("me").setAttribute("aria-label", say("switchPerson", person.name));
}

function listPeople() {
  const choose = (person) => {
    byId("people").hidePopover();
    store.show(
      person.id,
      store.chat !== store.person && store.chatById(store.chat)?.members?.includes(person.id) ? store.chat : person.id,
    );
  };
  const rows = store.people.map((person) =>
    el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "menu-row",
          "aria-current": person.id === store.person ? "true" : null,
          onclick: () => choose(person),
        },
        avatar(person.id, person.name),
        el("span", { class: "grow" }, person.name),
        el("span", { class: "faint" }, person.language_code),
      ),
    ),
  );
  const add = el(
    "li",
    {},
    el("button", { type: "button", class: "menu-row accent", onclick: openPersonForm }, icon("plus"), say("addPerson")),
  );
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
    const person = await api.addPerson({
      name: values.name.trim(),
      language_code: values.language_code.trim() || "en",
    });
    await store.load();
    store.show(person.id, person.id);
    form.reset();
    byId("person-dialog").close();
  });
}

function openGroupForm() {
  byId("group-members").replaceChildren();
  listMembers();
  byId("group-dialog").showModal();
}

/** Add missing users to the form; its current choices stay. */
function listMembers() {
  const listed = new Set([...byId("group-members").querySelectorAll("input")].map((box) => Number(box.value)));
  byId("group-members").append(
    ...store.people
      .filter((person) => !listed.has(person.id))
      .map((person) =>
        el(
          "label",
          { class: "menu-row" },
          el("input", { type: "checkbox", name: "members", value: person.id, checked: true }),
          avatar(person.id, person.name),
          person.name,
        ),
      ),
  );
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
