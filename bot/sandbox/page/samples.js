// Sample photos of the sandbox: offered in an empty chat and in the attachment menu.
import * as api from "./api.js";
import { addFiles } from "./attachments.js";
import { sendPhoto } from "./composer.js";
import { toast } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { store } from "./store.js";
import { sampleName, say } from "./words.js";

const OFFERED = 8;

let samples = [];
let drawn = ""; // the drawn samples and their names; unchanged ones are not drawn again

export function prepareSamples() {
  store.on("view", draw);
  store.on("connection", () => store.connected && offerSamples()); // after a reconnect the samples may differ
  offerSamples();
}

async function offerSamples() {
  samples = (await api.samples()).slice(0, OFFERED);
  draw();
}

const inGroup = () => (store.chatById(store.chat)?.type ?? "private") !== "private";

function draw() {
  const group = inGroup();
  const touch = matchMedia("(hover: none)").matches; // touch devices can neither drop nor paste
  byId("empty-title").textContent = group ? say("emptyGroupTitle", store.bot.username) : say("emptyTitle");
  byId("empty-words").textContent = say(group ? "emptyGroupWords" : touch ? "emptyTouch" : "emptyWords");
  byId("demo-note").hidden = !store.demo;
  byId("samples").hidden = byId("attach-samples").hidden = samples.length === 0;
  byId("samples").classList.toggle("away", group);
  const now = JSON.stringify(samples.map(({ name, url }) => [say("sendSample", sampleName(name)), url]));
  if (now === drawn) return;
  drawn = now;
  byId("sample-list").replaceChildren(...samples.map(offer));
  byId("attach-sample-list").replaceChildren(...samples.map(offer));
}

function offer(sample) {
  const name = sampleName(sample.name);
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: "sample",
        "aria-label": say("sendSample", name),
        title: name,
        onclick: (event) => choose(sample, event.currentTarget),
      },
      el("img", { src: sample.url, alt: "", loading: "lazy", width: 132, height: 132 }),
    ),
  );
}

/** Send a sample; in a group put it in the tray, because the caption must mention the bot. */
async function choose(sample, button) {
  byId("attach-menu").hidePopover();
  button.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(sample.url);
    if (!response.ok) throw new Error(say("sampleGone", sample.name));
    const picture = await response.blob();
    const ending = picture.type.split("/")[1] ?? "jpeg";
    const file = new File([picture], `${sample.name}.${ending}`, { type: picture.type });
    if (inGroup()) [addFiles([file], "photo"), byId("text").focus()];
    else [await sendPhoto(file), keepFocus(button)];
  } catch (error) {
    toast(error.message, "trouble");
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** The first message hides the offered samples, and the focus with them; with a keyboard it goes on in the text field. */
function keepFocus(button) {
  if (document.activeElement !== button && document.activeElement !== document.body) return;
  if (matchMedia("(hover: hover)").matches) byId("text").focus({ preventScroll: true });
}
