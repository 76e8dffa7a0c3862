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
