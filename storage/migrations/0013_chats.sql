-- What chats have set with /settings. A private chat has its person's id; what stands here of a group names nobody.

CREATE TABLE chats (
    chat_id      INTEGER PRIMARY KEY,
    language     TEXT,                                -- of a group's jokes; NULL: that of whoever asks
    style        TEXT,                                -- of jokes; NULL: the usual one
    answers      TEXT NOT NULL DEFAULT 'called' CHECK (answers IN ('called', 'photos')),
    daily        INTEGER CHECK (daily > 0),           -- jokes a day in a group; NULL: as many as are asked for
    changers     TEXT NOT NULL DEFAULT 'admins' CHECK (changers IN ('admins', 'all')),
    weekly_since REAL,                                -- when the best of the week was turned on; NULL: it is off
    speaks       TEXT,                                -- the language of whoever changed something last, to speak with all
    full_day     TEXT,                                -- the day on which it was said that `daily` is used up,
    full_update  INTEGER                              -- and the update that this was said to
);

-- Today's jokes in chats with a limit, by the update that each answers, so that one that is worked on again counts once.
CREATE TABLE chat_jokes (
    update_id INTEGER PRIMARY KEY,
    chat_id   INTEGER NOT NULL,
    day       TEXT NOT NULL                           -- the machine's date, as 2026-11-24
);
CREATE INDEX chat_jokes_by_chat ON chat_jokes (chat_id, day);

-- A group that became a supergroup has a new id; its old messages keep the old one.
CREATE TABLE former_chats (
    former_id INTEGER PRIMARY KEY,
    chat_id   INTEGER NOT NULL
);
CREATE INDEX former_chats_by_chat ON former_chats (chat_id);
