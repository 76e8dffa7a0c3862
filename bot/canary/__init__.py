"""The last part of a run, inside the bot: the trial in the chats, promotion, and the watch over a new champion."""
