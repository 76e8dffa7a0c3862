-- Troubles that admins are told of once: when one began, and when it was over; and who has been told what of it.

CREATE TABLE alerts (
    id       INTEGER PRIMARY KEY,
    what     TEXT NOT NULL,                         -- one of bot/monitoring/alerts.py's
    detail   TEXT NOT NULL DEFAULT '{}',            -- JSON: what its words are filled with
    began_at REAL NOT NULL,
    ended_at REAL
);
CREATE UNIQUE INDEX one_alert ON alerts (what) WHERE ended_at IS NULL;

CREATE TABLE alert_news (
    alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    chat_id  INTEGER NOT NULL,
    word     TEXT NOT NULL CHECK (word IN ('began', 'ended')),
    told_at  REAL NOT NULL,
    PRIMARY KEY (alert_id, chat_id, word)
) WITHOUT ROWID;

-- When the bot last showed that it can write: one row.
CREATE TABLE pulse (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL
);
