// Client of the sandbox's control API. Every failure is an Error with a message for the user.
import { say } from "./words.js";

async function call(method, path, body) {
  const form = body instanceof FormData;
  const options = { method, body: body === undefined || form ? body : JSON.stringify(body) };
  if (body !== undefined && !form) options.headers = { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error(say("unreachable"));
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.error ?? answer?.description ?? say("answered", response.status));
  return answer;
}

export const state = () => call("GET", "/sandbox/state");
export const text = (message) => call("POST", "/sandbox/text", message);
export const press = (button) => call("POST", "/sandbox/press", button);
export const addPerson = async (person) => (await call("POST", "/sandbox/person", person)).person;
export const addGroup = async (group) => (await call("POST", "/sandbox/group", group)).chat;
export const addFault = (fault) => call("POST", "/sandbox/faults", fault);
export const clearFaults = () => call("DELETE", "/sandbox/faults");
export const fileAddress = (fileId) => `/sandbox/file/${encodeURIComponent(fileId)}`;

/** The admins' user ids. */
export const panelAdmins = () => call("GET", "/sandbox/panel/admins");
export const panelRun = (run, who) => call("GET", `/sandbox/panel/runs/${run}?${new URLSearchParams(who)}`);

/** The admin pages' data, {told, tag}; null if unchanged since ETag `tag`. */
export async function panel(who, tag) {
  const response = await fetch(`/sandbox/panel?${new URLSearchParams(who)}`, {
    headers: tag ? { "If-None-Match": tag } : {},
    cache: "no-store",
  }).catch(() => null);
  if (response?.status === 304) return null;
  const told = await response?.json().catch(() => null);
  if (!response?.ok || !told) throw new Error(told?.error ?? say("botSilent"));
  return { told, tag: response.headers.get("ETag") ?? "" };
}

/** The sandbox's sample pictures: [{name, url}]; empty if there are none. */
export const samples = () => call("GET", "/sandbox/samples").catch(() => []);

/** Send files as `kind`: photo, document, sticker, animation, album or video. */
export function files({ person, chat, kind, caption, replyTo, items }) {
  const form = new FormData();
  form.set("person", person);
  form.set("chat", chat);
  form.set("kind", kind);
  if (caption) form.set("caption", caption);
  if (replyTo) form.set("reply_to", replyTo);
  for (const item of items) form.append("files", item, item.name);
  return call("POST", "/sandbox/files", form);
}
