// The WebSocket that tells what happens. After a break it connects again and the state is loaded anew.
import { store } from "./store.js";

const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 5000;

let retry = FIRST_RETRY_MS;
let timer = 0;

export function connect() {
  clearTimeout(timer);
  const socket = new WebSocket(new URL("/sandbox/events", location.href.replace(/^http/, "ws")));
  let early = []; // events that came while the state was on its way
  socket.addEventListener("open", async () => {
    try {
      await store.load();
    } catch {
      return socket.close();
    }
    retry = FIRST_RETRY_MS;
    for (const event of early) await store.receive(event);
    early = null;
    announce(true);
  });
  socket.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    if (early) early.push(event);
    else store.receive(event).catch(() => socket.close());
  });
  socket.addEventListener("close", () => {
    announce(false);
    timer = setTimeout(connect, retry);
    retry = Math.min(retry * 1.7, LAST_RETRY_MS);
  });
}

function announce(connected) {
  if (store.connected === connected && store.bot.id) return;
  store.connected = connected;
  store.tell("connection");
}
