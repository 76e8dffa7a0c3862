// For developers: injects faults into the Bot API to test the bot.
import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { store } from "./store.js";
import { say } from "./words.js";

export function prepareTrouble() {
  const form = byId("trouble-form");
  byId("open-trouble").addEventListener("click", toggle);
  byId("close-trouble").addEventListener("click", toggle);
  byId("trouble").addEventListener("keydown", (event) => event.key === "Escape" && toggle());
  form.addEventListener("change", () => fields(form));
  form.addEventListener("submit", (event) => [event.preventDefault(), add(form)]);
  byId("clear-faults").addEventListener("click", clear);
  store.on("view", draw);
  fields(form);
}

function toggle() {
  const drawer = byId("trouble");
  const opens = drawer.hidden;
  drawer.hidden = !opens;
  byId("open-trouble").setAttribute("aria-expanded", String(opens));
  (opens ? byId("fault-method") : byId("open-trouble")).focus();
}

/** Show only the fields of the chosen kind. */
function fields(form) {
  const kind = new FormData(form).get("kind");
  byId("fault-retry").hidden = kind !== "429";
  byId("fault-delay").hidden = kind !== "timeout" && kind !== "slow";
}

async function add(form) {
  const values = Object.fromEntries(new FormData(form));
  const fault = { method: values.method.trim() || null, kind: values.kind, times: Number(values.times) };
  if (values.kind === "429") fault.retry_after = Number(values.retry_after);
  if (values.kind === "timeout" || values.kind === "slow") fault.delay_s = Number(values.delay_s);
  await attempt(() => api.addFault(fault));
}

async function clear() {
  byId("fault-method").focus(); // this button is hidden next and would lose the focus
  await attempt(api.clearFaults);
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message, "trouble");
  }
}

function draw() {
  const lines = store.faults.map((fault) =>
    el(
      "li",
      {},
      el("span", { class: "grow" }, words(fault)),
      el("strong", {}, fault.times === null ? "∞" : `${fault.times}×`),
    ),
  );
  byId("fault-list").replaceChildren(...lines);
  byId("clear-faults").hidden = lines.length === 0;
  byId("open-trouble").classList.toggle("on", lines.length > 0);
}

function words({ method, kind, retry_after: pause, delay_s: delay }) {
  const what =
    {
      429: say("says429", pause),
      timeout: say("saysTimeout", delay),
      slow: say("saysSlow", delay),
      cut: say("saysCut"),
      cut_after: say("saysCutAfter"),
    }[kind] ?? kind;
  return say("fault", method ?? say("anyCall"), what);
}
