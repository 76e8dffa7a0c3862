// A newcomer needs no photo of their own: an empty chat offers the sandbox's.
import * as api from "./api.js";
import { sendPhoto } from "./composer.js";
import { toast } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { store } from "./store.js";

const OFFERED = 8;

export function prepareSamples() {
  store.on("view", drawWords);
  store.on("connection", () => store.connected && offerSamples()); // another sandbox may have others
  offerSamples();
}

async function offerSamples() {
  const samples = (await api.samples()).slice(0, OFFERED);
  byId("samples").hidden = samples.length === 0;
  byId("sample-list").replaceChildren(
    ...samples.map((sample) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            class: "sample",
            "aria-label": `Send the photo ${sample.name}`,
            title: sample.name,
            onclick: (event) => choose(sample, event.currentTarget),
          },
          el("img", { src: sample.url, alt: "", loading: "lazy", width: 132, height: 132 }),
        ),
      ),
    ),
  );
}

function drawWords() {
  const chat = store.chatById(store.chat);
  const group = chat && chat.type !== "private";
  byId("empty-title").textContent = group ? `Call @${store.bot.username}` : "Send a photo, get a joke";
  byId("empty-words").textContent = group
    ? "In a group the bot answers when it is mentioned, replied to or commanded: send a photo with its name."
    : "Drop one anywhere on this page, paste one, or choose one with the paper clip.";
  byId("samples").classList.toggle("away", Boolean(group));
}

async function choose(sample, button) {
  button.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(sample.url);
    if (!response.ok) throw new Error(`The sample ${sample.name} is gone.`);
    const picture = await response.blob();
    const ending = picture.type.split("/")[1] ?? "jpeg";
    await sendPhoto(new File([picture], `${sample.name}.${ending}`, { type: picture.type }));
  } catch (error) {
    toast(error.message, "trouble");
  } finally {
    button.removeAttribute("aria-busy");
  }
}
