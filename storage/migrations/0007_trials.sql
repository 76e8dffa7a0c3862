-- A candidate on trial in the chats, the watch over a champion that is new, and duels between two models' jokes.

CREATE TABLE trials (
    id           INTEGER PRIMARY KEY,
    run_id       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    champion_id  INTEGER NOT NULL REFERENCES models (id),
    candidate_id INTEGER NOT NULL REFERENCES models (id),
    began_at     REAL NOT NULL,
    late_at      REAL,                              -- when the candidate got its larger share
    ended_at     REAL,                              -- NULL while it goes on
    outcome      TEXT CHECK (outcome IN ('promoted', 'rejected', 'undecided', 'failed', 'cancelled')),
    reason       TEXT NOT NULL DEFAULT '',
    measures     TEXT NOT NULL DEFAULT '{}'         -- JSON: what the last look saw
);
CREATE UNIQUE INDEX one_trial ON trials (ended_at IS NULL) WHERE ended_at IS NULL;

CREATE TABLE watches (
    id             INTEGER PRIMARY KEY,
    promotion_id   INTEGER NOT NULL UNIQUE REFERENCES promotions (id),  -- what put the champion that is watched into service
    model_id       INTEGER NOT NULL REFERENCES models (id),
    predecessor_id INTEGER NOT NULL REFERENCES models (id),    -- whose liking before it is compared with
    began_at       REAL NOT NULL,
    ended_at       REAL,
    outcome        TEXT CHECK (outcome IN ('kept', 'fell', 'superseded')),
    measures       TEXT NOT NULL DEFAULT '{}',      -- JSON
    told           INTEGER NOT NULL DEFAULT 0       -- 1 once the admins know that it fell
);
CREATE UNIQUE INDEX one_watch ON watches (ended_at IS NULL) WHERE ended_at IS NULL;

-- Two jokes for one photo in one message, A above B. A joke that is forgotten takes its duel with it.
CREATE TABLE duels (
    id             INTEGER PRIMARY KEY,
    trial_id       INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    update_id      INTEGER NOT NULL UNIQUE,         -- the photo's update
    person_id      INTEGER NOT NULL,                -- who is asked
    chat_id        INTEGER NOT NULL,
    first_model_id INTEGER NOT NULL REFERENCES models (id),    -- whose joke is A
    joke_a         INTEGER REFERENCES jokes (id) ON DELETE CASCADE,
    joke_b         INTEGER REFERENCES jokes (id) ON DELETE CASCADE,
    message_id     INTEGER,                         -- NULL until it is shown
    choice         TEXT CHECK (choice IN ('a', 'b', 'meh')),
    after_delivery INTEGER NOT NULL,                -- the newest delivery when it was begun
    created_at     REAL NOT NULL,
    chosen_at      REAL
);
CREATE INDEX duels_by_trial ON duels (trial_id);
CREATE INDEX duels_by_chat ON duels (chat_id);
CREATE INDEX duels_by_person ON duels (person_id);
CREATE INDEX duels_by_joke_a ON duels (joke_a);
CREATE INDEX duels_by_joke_b ON duels (joke_b);

CREATE INDEX jokes_by_model ON jokes (model_id, created_at);
