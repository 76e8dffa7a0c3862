// Creates elements. Strings become text nodes only, because names, captions and jokes are untrusted input.

/** An element: el("p", {class: "note", onclick: f, data: {id: 1}}, "text", child). Empty children are skipped. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "style")
      for (const [name, setting] of Object.entries(value)) node.style.setProperty(name, setting);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** An icon from index.html. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

const AVATAR_HUES = [12, 38, 88, 150, 186, 214, 262, 322];

/** An avatar with initials; the bot's is a smile. */
export function avatar(id, name, isBot = false) {
  const hue = AVATAR_HUES[Math.abs(Number(id) || 0) % AVATAR_HUES.length];
  const node = el("span", { class: isBot ? "avatar bot" : "avatar", "aria-hidden": "true", style: { "--hue": hue } });
  node.append(isBot ? icon("smile") : initials(name));
  return node;
}

function initials(name) {
  const words = String(name).trim().split(/\s+/u).filter(Boolean);
  return (
    words
      .slice(0, 2)
      .map((word) => [...word][0])
      .join("")
      .toUpperCase() || "?"
  );
}

export const hueOf = (id) => AVATAR_HUES[Math.abs(Number(id) || 0) % AVATAR_HUES.length];

/** The text's language, for the browser's choice of glyphs: Chinese, Japanese and Korean share characters. */
export function languageOf(text) {
  if (/[\u3040-\u30ff]/u.test(text)) return "ja";
  if (/[\uac00-\ud7af]/u.test(text)) return "ko";
  if (/\p{Script=Han}/u.test(text)) return "zh-Hans";
  return undefined;
}

/** Show a popover beside its button, within the window. */
function placeBeside(popover, button) {
  const anchor = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  const above = anchor.top > height + 16 && anchor.bottom + height + 16 > innerHeight;
  const left = Math.min(anchor.left, innerWidth - width - 8);
  popover.style.left = `${Math.max(8, left)}px`;
  popover.style.top = `${above ? anchor.top - height - 8 : Math.min(anchor.bottom + 8, innerHeight - height - 8)}px`;
}

/** A popover that opens at its button; `fill` renders its content each time. */
export function popoverMenu(button, popover, fill) {
  popover.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") fill?.();
    button.setAttribute("aria-expanded", String(event.newState === "open"));
  });
  popover.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    placeBeside(popover, button);
    popover.querySelector("button, input")?.focus();
  });
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => popover.togglePopover({ source: button }));
}

export function bytes(size) {
  if (!Number.isFinite(size)) return "";
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(size) / 3) - 1);
  return `${(size / 1000 ** (power + 1)).toFixed(1)} ${units[power]}`;
}

/** Set the parent's children with minimal moves, so that unchanged ones keep focus and playback. */
export function setChildren(parent, children) {
  const wanted = children.filter(Boolean);
  for (const old of [...parent.childNodes]) if (!wanted.includes(old)) old.remove();
  let cursor = parent.firstChild;
  for (const child of wanted) {
    if (child === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(child, cursor);
  }
}
