// Entry point of the chat page: starts its parts.
import { prepareComposer } from "./composer.js";
import { connect } from "./connection.js";
import { prepareConversation } from "./conversation.js";
import { prepareDialogs } from "./dialogs.js";
import { prepareGame } from "./game.js";
import { preparePanel } from "./panel.js";
import { preparePeople } from "./people.js";
import { prepareSamples } from "./samples.js";
import { prepareSidebar } from "./sidebar.js";
import { store } from "./store.js";
import { prepareTrouble } from "./trouble.js";
import { speak } from "./words.js";

speak(""); // default language until the current user is known
store.on("view", () => speak(store.personById(store.person)?.language_code ?? ""));
prepareDialogs();
prepareSidebar();
preparePeople();
prepareConversation();
prepareComposer();
prepareTrouble();
preparePanel();
window.addEventListener("hashchange", () => store.followAddress());
store.addEventListener("view", () => document.body.classList.remove("starting"), { once: true });
prepareSamples();
prepareGame();
connect();
