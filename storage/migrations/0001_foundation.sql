-- Times are seconds since 1970 (REAL). Identifiers of people, chats and messages are Telegram's own.

CREATE TABLE models (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    status     TEXT NOT NULL CHECK (status IN ('base', 'candidate', 'canary', 'champion', 'retired', 'rejected')),
    parent_id  INTEGER REFERENCES models (id),
    base_id    INTEGER REFERENCES models (id),      -- NULL for a base
    directory  TEXT,                                -- NULL where the engine's host alone has the files
    digest     TEXT,
    measures   TEXT NOT NULL DEFAULT '{}',          -- JSON
    created_at REAL NOT NULL
);
CREATE UNIQUE INDEX one_champion ON models (status) WHERE status = 'champion';

CREATE TABLE photos (
    id         INTEGER PRIMARY KEY,
    sha256     TEXT NOT NULL UNIQUE,                -- of the stored file, hexadecimal
    phash      INTEGER NOT NULL,                    -- 64-bit perceptual hash as a signed integer
    width      INTEGER NOT NULL,                    -- pixels, after orientation
    height     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    media_type TEXT NOT NULL,                       -- 'image/jpeg', 'image/png' or 'image/webp'
    created_at REAL NOT NULL
);

CREATE TABLE photo_senders (
    photo_id  INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL,
    sent_at   REAL NOT NULL,
    PRIMARY KEY (photo_id, person_id)
) WITHOUT ROWID;
CREATE INDEX photo_senders_by_person ON photo_senders (person_id);

CREATE TABLE jokes (
    id                INTEGER PRIMARY KEY,
    photo_id          INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    model_id          INTEGER NOT NULL REFERENCES models (id),
    person_id         INTEGER NOT NULL,             -- who asked for it
    language          TEXT NOT NULL,
    style             TEXT NOT NULL,
    caption           TEXT,                         -- as the person wrote it
    prompt            TEXT NOT NULL,                -- the user turn it was asked with, without the picture
    text              TEXT NOT NULL CHECK (length(trim(text)) > 0),
    temperature       REAL NOT NULL,
    top_p             REAL NOT NULL,
    max_tokens        INTEGER NOT NULL,
    prompt_tokens     INTEGER,
    completion_tokens INTEGER,
    latency_s         REAL NOT NULL,                -- from the engine request to its last word
    created_at        REAL NOT NULL
);
CREATE INDEX jokes_by_photo ON jokes (photo_id);
CREATE INDEX jokes_by_person ON jokes (person_id);

CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY,
    joke_id    INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    update_id  INTEGER,                             -- the update it answers
    created_at REAL NOT NULL,
    UNIQUE (chat_id, message_id)
);
CREATE INDEX deliveries_by_joke ON deliveries (joke_id);

CREATE TABLE ratings (
    joke_id    INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,
    person_id  INTEGER NOT NULL,
    value      INTEGER NOT NULL CHECK (value BETWEEN 1 AND 3),
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    PRIMARY KEY (joke_id, person_id)
) WITHOUT ROWID;
CREATE INDEX ratings_by_person ON ratings (person_id);

CREATE TABLE inbox (
    update_id   INTEGER PRIMARY KEY,
    payload     TEXT,                               -- the update's JSON; NULL once it is done
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    received_at REAL NOT NULL,
    finished_at REAL
);
CREATE INDEX inbox_pending ON inbox (update_id) WHERE state = 'pending';
