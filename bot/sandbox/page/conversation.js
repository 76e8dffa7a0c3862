// The open chat: its messages in order, scrolled to the end unless the user scrolled up.
import { makeBubble, updateBubble } from "./bubble.js";
import { byId, el, setChildren } from "./dom.js";
import { store } from "./store.js";
import { daysAgo, moment, say } from "./words.js";

const RUN_S = 300; // messages of one sender within this time are grouped
const NEAR_END_PX = 80;
const SHOWN = 150; // newest messages that are shown; older ones on request

const DAY = { weekday: "long", day: "numeric", month: "long" };
const nodes = new Map(); // block key → {node, signature}

let place = "";
let shown = SHOWN;
let atEnd = true;
let top = 0;
let missed = 0;

export function prepareConversation() {
  const scroller = byId("scroller");
  const follow = new ResizeObserver(() => atEnd && toEnd());
  follow.observe(scroller);
  follow.observe(byId("messages"));
  scroller.addEventListener("scroll", noticeScroll, { passive: true });
  byId("to-end").addEventListener("click", toEnd);
  byId("earlier").addEventListener("click", showEarlier);
  document.addEventListener("visibilitychange", read);
  store.on("view", open);
  store.on("messages", arrive);
  store.on("pressing", ({ message }) => refresh(message));
}

/** Show the selected chat; keep the scroll position if it is already open (the state was reloaded). */
function open() {
  const next = `${store.person}/${store.chat}`;
  if (next === place) return draw(false);
  place = next;
  nodes.clear();
  byId("messages").replaceChildren();
  shown = SHOWN;
  draw(false);
  toEnd();
}

function arrive({ chat, type, message }) {
  if (chat !== store.chat) return;
  const mine = message?.from?.id === store.person;
  if (type === "message" && !mine && !atEnd) missed += 1;
  draw(type === "message");
  if (type === "message" && mine) toEnd();
  showJump();
  read();
}

function showEarlier() {
  const scroller = byId("scroller");
  const fromEnd = scroller.scrollHeight - scroller.scrollTop;
  shown += SHOWN;
  draw(false);
  scroller.scrollTop = scroller.scrollHeight - fromEnd;
}

/** Synchronize the list with the store: add new blocks, update changed ones, remove deleted ones. */
function draw(animate) {
  const messages = store.messagesOf(store.chat);
  const blocks = blocksOf(messages.slice(-shown));
  byId("earlier").hidden = messages.length <= shown;
  byId("empty").hidden = messages.length > 0 || store.chat === null;
  setChildren(
    byId("messages"),
    blocks.map((block) => nodeFor(block, animate)),
  );
  const keys = new Set(blocks.map((block) => block.key));
  for (const key of nodes.keys()) if (!keys.has(key)) nodes.delete(key);
}

function nodeFor(block, animate) {
  const known = nodes.get(block.key);
  const signature = [block.startsRun, block.endsRun, ...(block.messages ?? [])];
  if (known && known.signature.length === signature.length && known.signature.every((part, i) => part === signature[i]))
    return known.node;
  if (known) updateBubble(known.node, block);
  const node = known?.node ?? (block.day ? el("h3", { class: "day" }, block.day) : makeBubble(block));
  if (!known && animate && !block.day) node.classList.add("arrives");
  nodes.set(block.key, { node, signature, block });
  return node;
}

function refresh(message) {
  for (const { node, block } of nodes.values()) {
    if (block.messages?.some((one) => one.message_id === message.message_id && one.chat.id === message.chat.id))
      updateBubble(node, block);
  }
}

/** Blocks of the list: days, messages and albums, with the start and end of each sender's run. */
function blocksOf(messages) {
  const blocks = [];
  let date = "";
  for (const message of messages) {
    const that = new Date(message.date * 1000).toDateString();
    if (that !== date) blocks.push({ key: `day ${that}`, day: dayName(message.date) });
    date = that;
    const last = blocks.at(-1);
    if (message.media_group_id && last.album === message.media_group_id) last.messages.push(message);
    else
      blocks.push({
        key: `message ${message.chat.id}/${message.message_id}`,
        album: message.media_group_id,
        messages: [message],
      });
  }
  blocks.forEach((block, i) => {
    block.startsRun = !sameRun(blocks[i - 1], block);
    block.endsRun = !sameRun(block, blocks[i + 1]);
  });
  return blocks;
}

function sameRun(one, next) {
  if (!one?.messages || !next?.messages) return false;
  const [before, after] = [one.messages.at(-1), next.messages[0]];
  return before.from?.id === after.from?.id && after.date - before.date < RUN_S;
}

function dayName(seconds) {
  const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
  const ago = Math.round((midnight(seconds * 1000) - midnight(Date.now())) / 86_400_000);
  const name = ago > -2 ? daysAgo(ago) : moment(seconds * 1000, DAY);
  return name[0].toUpperCase() + name.slice(1);
}

/** Detect that the user scrolled up: content that grows below moves the end but not the view. */
function noticeScroll() {
  const scroller = byId("scroller");
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
  atEnd = near || (atEnd && scroller.scrollTop >= top - 1);
  top = scroller.scrollTop;
  if (atEnd) missed = 0;
  showJump();
  read();
}

function toEnd() {
  const scroller = byId("scroller");
  scroller.scrollTop = nodes.size ? scroller.scrollHeight : 0;
  top = scroller.scrollTop;
  atEnd = true;
  missed = 0;
  showJump();
  read();
}

function showJump() {
  const button = byId("to-end");
  button.classList.toggle("away", atEnd);
  button.tabIndex = atEnd ? -1 : 0;
  byId("missed").textContent = missed ? String(missed) : "";
  button.setAttribute("aria-label", say("toLatest", missed));
}

function read() {
  const seen = document.visibilityState === "visible" && atEnd && byId("scroller").clientHeight > 0;
  if (store.chat !== null && seen) store.markRead(store.chat);
}
