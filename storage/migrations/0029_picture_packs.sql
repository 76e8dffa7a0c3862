-- Pictures from a pack of free pictures, rounds at an hour of the day, and punchlines as a chat's setting.

CREATE TABLE photo_credits (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    name     TEXT NOT NULL,                         -- the file's name in the pack
    title    TEXT NOT NULL,                         -- title, author and source may be ''
    author   TEXT NOT NULL,
    licence  TEXT NOT NULL,
    source   TEXT NOT NULL
);

ALTER TABLE chats ADD COLUMN punchlines INTEGER NOT NULL DEFAULT 1 CHECK (punchlines IN (0, 1));
ALTER TABLE chats ADD COLUMN oogiri_hour INTEGER CHECK (oogiri_hour BETWEEN -1 AND 23);   -- -1: off, NULL: the default
ALTER TABLE chats ADD COLUMN oogiri_since REAL;         -- when the hour was chosen
ALTER TABLE chats ADD COLUMN oogiri_paused_at REAL;     -- when the chat was told that no user plays

-- The message that the opening of a round quotes; NULL: the opening shows the photo itself. A round of the schedule has a
-- negative update_id.
ALTER TABLE rounds ADD COLUMN quoted_id INTEGER;
UPDATE rounds SET quoted_id = message_id;
