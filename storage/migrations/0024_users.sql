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
