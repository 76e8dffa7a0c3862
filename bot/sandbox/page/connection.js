// The WebSocket for events. It reconnects after a failure; the state is then reloaded.
import { store } from "./store.js";

const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 5000;

let retry = FIRST_RETRY_MS;

export function connect() {
  const socket = new WebSocket(new URL("/sandbox/events", location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", async () => {
    try {
      await store.load();
    } catch {
      return socket.close();
    }
    retry = FIRST_RETRY_MS;
    announce(true);
  });
  socket.addEventListener("message", ({ data }) => store.receive(JSON.parse(data))?.catch(() => socket.close()));
  socket.addEventListener("close", () => {
    announce(false);
    setTimeout(connect, retry);
    retry = Math.min(retry * 1.7, LAST_RETRY_MS);
  });
}

function announce(connected) {
  if (store.connected === connected) return;
  store.connected = connected;
  store.tell("connection");
}
