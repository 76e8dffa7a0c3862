// Files to send: chosen, dropped or pasted, and shown in a tray above the composer with a choice of kind.
import { byId, bytes, el, icon, popoverMenu } from "./dom.js";
import { say } from "./words.js";

const ALBUM_LIMIT = 10; // Telegram's limit
const KINDS = {
  photo: { one: "photo", many: "photos", accept: "image/*", icon: "photo", multiple: false },
  album: { one: "album", many: "album", accept: "image/*", icon: "album", multiple: true },
  document: { one: "file", many: "files", accept: "", icon: "file", multiple: true },
  sticker: { one: "sticker", many: "stickers", accept: "image/*,video/webm,.tgs", icon: "sticker", multiple: false },
  animation: { one: "animation", many: "animations", accept: "image/gif,video/mp4", icon: "animation", multiple: false },
  video: { one: "video", many: "videos", accept: "video/*", icon: "video", multiple: false },
};

let items = [];
let kind = "photo";
let changed = () => {};

export function prepareAttachments(onChange) {
  changed = onChange;
  popoverMenu(byId("attach"), byId("attach-menu"), listKinds);
  byId("file").addEventListener("change", (event) => {
    addFiles([...event.target.files], event.target.dataset.kind);
    event.target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    addFiles(files);
  });
  prepareDrop();
}

function listKinds() {
  byId("attach-kinds").replaceChildren(
    ...Object.entries(KINDS).map(([name, kind]) =>
      el(
        "button",
        { type: "button", class: "menu-row", data: { kind: name }, onclick: () => choose(name) },
        icon(kind.icon),
        say(kind.one),
      ),
    ),
  );
}

/** Open the file chooser for a kind. */
function choose(name) {
  byId("attach-menu").hidePopover();
  const input = byId("file");
  Object.assign(input, { accept: KINDS[name].accept, multiple: KINDS[name].multiple });
  input.dataset.kind = name;
  input.click();
}

/** Put files in the tray; without a kind, the kind follows from the files. */
export function addFiles(files, wanted) {
  if (!files.length) return;
  items = [...items, ...files];
  const possible = possibleKinds();
  kind = possible.includes(wanted) && !(wanted === "photo" && items.length > 1) ? wanted : possible[0];
  draw();
}

export function takeFiles() {
  const taken = { items, kind };
  items = [];
  draw();
  return taken;
}

/** Put files back into the tray after a failed request. */
export function returnFiles(taken) {
  items = [...taken.items, ...items];
  if (taken.items.length) kind = taken.kind;
  draw();
}

export const hasFiles = () => items.length > 0;

/** Batches as Telegram allows: albums of 2 to 10 photos, other files one per message. */
export function portions({ items: files, kind: as }) {
  if (as !== "album") return files.map((file) => ({ kind: as, items: [file] }));
  const chunks = [];
  for (let at = 0; at < files.length; at += ALBUM_LIMIT) chunks.push(files.slice(at, at + ALBUM_LIMIT));
  return chunks.map((chunk) => ({ kind: chunk.length > 1 ? "album" : "photo", items: chunk }));
}

const isImage = (file) => file.type.startsWith("image/");
const isVideo = (file) => file.type.startsWith("video/");

/** The kinds that these files can be sent as, the default first. */
function possibleKinds() {
  const images = items.every(isImage);
  if (items.length > 1) return images ? ["album", "photo", "document"] : ["document"];
  if (items[0]?.type === "image/gif") return ["animation", "photo", "document"];
  if (images) return ["photo", "document", "sticker", "animation"];
  return items.every(isVideo) ? ["video", "animation", "document"] : ["document"];
}

function draw() {
  const tray = byId("tray");
  tray.hidden = items.length === 0;
  for (const picture of tray.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  byId("tray-files").replaceChildren(...items.map(preview));
  byId("tray-kinds").replaceChildren(...possibleKinds().map(kindChoice));
  changed();
}

function preview(file, index) {
  const picture = file.type.startsWith("image/")
    ? el("img", { src: URL.createObjectURL(file), alt: "" })
    : el("span", { class: "file-picture" }, icon("file"));
  const remove = () => {
    items = items.filter((_, i) => i !== index);
    if (items.length && !possibleKinds().includes(kind)) kind = possibleKinds()[0];
    draw();
    byId("text").focus();
  };
  return el(
    "li",
    { title: `${file.name}, ${bytes(file.size)}` },
    picture,
    el("span", { class: "tray-name" }, file.name),
    el(
      "button",
      { type: "button", class: "remove", "aria-label": say("leaveOut", file.name), onclick: remove },
      icon("close"),
    ),
  );
}

function kindChoice(name) {
  const choose = () => {
    kind = name;
    changed();
  };
  const label = say(items.length > 1 ? KINDS[name].many : KINDS[name].one);
  return el(
    "label",
    { class: "choice" },
    el("input", { type: "radio", name: "kind", value: name, checked: name === kind, onchange: choose }),
    label,
  );
}

function prepareDrop() {
  const zone = byId("drop");
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const close = () => zone.classList.add("away");
  const open = (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("away");
    for (const half of zone.children) half.classList.toggle("over", half.contains(event.target));
  };
  window.addEventListener("dragenter", open);
  window.addEventListener("dragover", open);
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && close());
  window.addEventListener("drop", (event) => {
    close();
    if (!carriesFiles(event)) return;
    event.preventDefault();
    addFiles([...event.dataTransfer.files], event.target.closest?.("[data-drop]")?.dataset.drop);
    byId("text").focus();
  });
}
