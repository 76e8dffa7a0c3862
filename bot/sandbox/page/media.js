// Media of a message: photos, documents, stickers, animations and videos.
import { fileAddress } from "./api.js";
import { enlarge } from "./dialogs.js";
import { bytes, el, icon } from "./dom.js";
import { say } from "./words.js";

const STICKER_PX = 168;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** The message's media as an element, or null. Sizes are set at once, so the layout does not shift. */
export function media(message) {
  if (message.photo?.length) return photo(message);
  if (message.animation) return moving(message.animation, { loop: true });
  if (message.video) return moving(message.video, { controls: true });
  if (message.sticker) return sticker(message.sticker);
  if (message.document) return file(message.document);
  return null;
}

/** The media's id; two versions of a message with the same id share one element. */
export function mediaKey(message) {
  const one = message.photo?.at(-1) ?? message.animation ?? message.video ?? message.sticker ?? message.document;
  return one?.file_unique_id ?? one?.file_id ?? "";
}

/** A short label for lists and quotations. */
export function summary(message) {
  const words = message.text ?? message.caption ?? "";
  if (words) return words;
  if (message.sticker) return `${message.sticker.emoji ?? ""} ${say("sticker")}`.trim();
  if (message.photo) return say("photo");
  if (message.animation) return say("animation");
  if (message.video) return say("video");
  return message.document?.file_name ?? say("message");
}

/** The file id of the media's smallest picture, for a quotation; or null. */
export function thumbnail(message) {
  if (message.photo?.length) return message.photo[0].file_id;
  return (message.animation ?? message.video ?? message.document ?? message.sticker)?.thumbnail?.file_id ?? null;
}

function frame(width, height) {
  const ratio = Math.min(Math.max((width || 4) / (height || 3), 0.5), 3);
  return { "--ratio": ratio.toFixed(4), "--natural": `${Math.max(width || 0, 120)}px` };
}

function photo(message) {
  const sizes = message.photo;
  const largest = sizes.at(-1);
  const enough = sizes.find((size) => size.width >= 800) ?? largest;
  const label = message.caption ? say("photoOf", message.caption) : say("photo");
  const open = () => enlarge(fileAddress(largest.file_id), message.caption ?? "");
  return el(
    "button",
    {
      type: "button",
      class: "photo",
      title: say("enlarge"),
      "aria-label": say("enlargeIt", label),
      style: frame(largest.width, largest.height),
      onclick: open,
    },
    el("img", { src: fileAddress(enough.file_id), alt: label, decoding: "async", onerror: markBroken }),
  );
}

/** A photo; its frame shows a note if the file is no picture (Telegram delivers those too). */
function markBroken(event) {
  const frame = event.target.closest(".photo");
  frame.classList.add("broken");
  frame.dataset.broken = say("noPicture");
}

function moving(one, { loop = false, controls = false }) {
  const source = fileAddress(one.file_id);
  if ((one.mime_type ?? "").startsWith("image/")) {
    return el(
      "span",
      { class: "photo", style: frame(one.width, one.height) },
      el("img", { src: source, alt: say("animation"), onerror: markBroken }),
    );
  }
  const playing = loop && !still.matches;
  const video = el("video", {
    src: source,
    loop,
    controls: controls || still.matches,
    playsinline: true,
    preload: "metadata",
    poster: one.thumbnail && fileAddress(one.thumbnail.file_id),
    "aria-label": say(loop ? "animation" : "video"),
  });
  video.muted = loop;
  video.autoplay = playing;
  return el("span", { class: "photo", style: frame(one.width, one.height) }, video);
}

function sticker(one) {
  const scale = STICKER_PX / Math.max(one.width || 1, one.height || 1);
  const size = {
    width: Math.round((one.width || STICKER_PX) * scale),
    height: Math.round((one.height || STICKER_PX) * scale),
  };
  const source = fileAddress(one.is_animated && one.thumbnail ? one.thumbnail.file_id : one.file_id);
  if (one.is_video) {
    const video = el("video", { src: source, class: "sticker", loop: true, playsinline: true, ...size });
    Object.assign(video, { muted: true, autoplay: !still.matches });
    return video;
  }
  return el("img", { src: source, class: "sticker", alt: `${say("sticker")} ${one.emoji ?? ""}`.trim(), ...size });
}

function file(one) {
  const name = one.file_name ?? say("file");
  const picture = one.thumbnail
    ? el("img", { src: fileAddress(one.thumbnail.file_id), alt: "", class: "file-picture" })
    : el("span", { class: "file-picture" }, icon("file"));
  return el(
    "a",
    { class: "file", href: `${fileAddress(one.file_id)}?download=1`, download: name, "aria-label": say("download", name) },
    picture,
    el(
      "span",
      { class: "file-words" },
      el("span", { class: "file-name" }, name),
      el("span", { class: "file-size" }, bytes(one.file_size)),
    ),
  );
}
