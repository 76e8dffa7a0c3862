-- The bots whose token has used this database. Message ids, update ids and files at Telegram hold for one bot only.

CREATE TABLE bots (
    bot_id           INTEGER PRIMARY KEY,           -- the number before the colon of its token
    is_current       INTEGER NOT NULL DEFAULT 0 CHECK (is_current IN (0, 1)),
    first_used_at    REAL NOT NULL,
    last_update_id   INTEGER,                       -- of its last update, when another bot took its place
    last_received_at REAL
);
CREATE UNIQUE INDEX one_current_bot ON bots (is_current) WHERE is_current = 1;

-- The message ids of deliveries by bots that are not the current one. The delivery itself has a negative one meanwhile.
CREATE TABLE other_bots_deliveries (
    delivery_id INTEGER PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    bot_id      INTEGER NOT NULL REFERENCES bots (bot_id),
    message_id  INTEGER NOT NULL
);
CREATE INDEX other_bots_deliveries_by_bot ON other_bots_deliveries (bot_id);

-- What is sent in the name of a chat has that chat's (negative) id as its sender. Before, it had an id that all anonymous
-- administrators (1087968824), all channels (136817688) or all automatic forwards (777000) share. Where one of them was
-- private, all their chats are.
INSERT OR IGNORE INTO private_people SELECT DISTINCT chat_id, since FROM jokes JOIN deliveries ON joke_id = jokes.id
    JOIN private_people ON private_people.person_id = jokes.person_id
    WHERE chat_id < 0 AND jokes.person_id IN (1087968824, 136817688, 777000);
INSERT OR IGNORE INTO photo_senders SELECT jokes.photo_id, chat_id, sent_at FROM photo_senders
    JOIN jokes ON jokes.photo_id = photo_senders.photo_id AND jokes.person_id = photo_senders.person_id
    JOIN deliveries ON joke_id = jokes.id
    WHERE chat_id < 0 AND photo_senders.person_id IN (1087968824, 136817688, 777000);
DELETE FROM photo_senders WHERE person_id IN (1087968824, 136817688, 777000)
    AND EXISTS (SELECT 1 FROM photo_senders AS others WHERE others.photo_id = photo_senders.photo_id AND person_id < 0);
UPDATE jokes SET person_id = coalesce((SELECT chat_id FROM deliveries WHERE joke_id = jokes.id AND chat_id < 0), person_id)
    WHERE person_id IN (1087968824, 136817688, 777000);
DELETE FROM private_people WHERE person_id IN (1087968824, 136817688, 777000);
DELETE FROM chosen_languages WHERE person_id IN (1087968824, 136817688, 777000);
DELETE FROM admin_languages WHERE person_id IN (1087968824, 136817688, 777000);
DELETE FROM known_people WHERE person_id IN (1087968824, 136817688, 777000);
DELETE FROM bans WHERE person_id IN (1087968824, 136817688, 777000);

-- The users and groups that admins were asked about. A private chat has its user's id. Who is let in by the settings, or
-- by `access.strangers = "allow"`, has no row.
CREATE TABLE access (
    id         INTEGER PRIMARY KEY,                 -- what the admins' buttons send
    chat_id    INTEGER NOT NULL UNIQUE,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'allowed', 'refused', 'withdrawn')),
    title      TEXT,                                -- of a group
    language   TEXT,                                -- for messages to the chat
    asked_by   INTEGER,                             -- who added the bot to a group, or called it there
    asked_at   REAL NOT NULL,
    decided_by INTEGER,                             -- the admin; NULL once forgotten, and for what was known before
    decided_at REAL,
    told       TEXT,                                -- what the chat was told last: the key of a message
    told_to    INTEGER                              -- the update that it was told in reply to
);

-- The messages in which admins are asked, and then see the decision.
CREATE TABLE access_questions (
    access_id  INTEGER NOT NULL REFERENCES access (id) ON DELETE CASCADE,
    admin_id   INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    shown      TEXT NOT NULL,                       -- the state that the message shows
    PRIMARY KEY (access_id, admin_id)
) WITHOUT ROWID;

-- Photos of those who wait, to be answered once they are let in.
CREATE TABLE held_updates (
    update_id   INTEGER PRIMARY KEY,
    chat_id     INTEGER NOT NULL,
    person_id   INTEGER NOT NULL,
    payload     TEXT NOT NULL,                      -- JSON
    received_at REAL NOT NULL
);
CREATE INDEX held_updates_by_chat ON held_updates (chat_id);
CREATE INDEX held_updates_by_person ON held_updates (person_id);

-- Who has used the bot before this version stays.
INSERT OR IGNORE INTO access (chat_id, state, asked_at, told)
    SELECT person_id, 'allowed', min(at), 'access-welcome' FROM (
        SELECT person_id, sent_at AS at FROM photo_senders UNION ALL SELECT person_id, created_at FROM jokes
        UNION ALL SELECT person_id, created_at FROM ratings WHERE person_id IN (SELECT chat_id FROM deliveries))
    WHERE person_id > 0 AND person_id NOT IN (1087968824, 136817688, 777000) GROUP BY person_id;
INSERT OR IGNORE INTO access (chat_id, state, asked_at, told)
    SELECT coalesce((SELECT former_chats.chat_id FROM former_chats WHERE former_id = deliveries.chat_id), chat_id) AS now_id,
        'allowed', min(created_at), 'access-welcome' FROM deliveries WHERE chat_id < 0 GROUP BY now_id;
