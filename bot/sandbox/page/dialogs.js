// Overlays: an enlarged photo, a notice, a toast.
import { byId, el, languageOf } from "./dom.js";
import { say } from "./words.js";

const TOAST_MS = 4200;

export function enlarge(address, caption) {
  const box = byId("lightbox");
  const picture = el("img", { src: address, alt: caption || say("photo") });
  const words = caption ? el("figcaption", { lang: languageOf(caption) }, caption) : null;
  box.querySelector("figure").replaceChildren(...[picture, words].filter(Boolean));
  box.showModal();
}

export function alertBox(text) {
  const box = byId("alert");
  const words = byId("alert-text");
  words.textContent = text;
  words.lang = languageOf(text) ?? "";
  box.showModal();
}

/** A message that disappears by itself; kind "trouble" marks a failure. In the top layer, above dialogs. */
export function toast(text, kind = "answer") {
  const box = byId("toasts");
  const line = el("p", { class: `toast ${kind}`, lang: languageOf(text) }, text);
  while (box.children.length > 2) box.firstChild.remove();
  box.append(line);
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover();
  byId("announcement").textContent = text;
  setTimeout(() => line.classList.add("leaves"), TOAST_MS);
  setTimeout(() => [line.remove(), box.children.length || box.hidePopover()], TOAST_MS + 300);
}

/** Close a dialog at its × and at a click outside; its form keeps its values until it is sent. */
export function prepareDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      const closes = event.target.closest("[data-close]");
      if (event.target === dialog || closes || (dialog.id === "lightbox" && event.target.tagName === "FIGURE"))
        dialog.close();
    });
  }
}
