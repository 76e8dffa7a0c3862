-- A trial belongs to a run, or to the watch of a new champion: then the candidate is the champion's predecessor. A duel
-- in a group has choices of other members too. SQLite can't make a column nullable, so trials are copied; duels refer to
-- them, and are copied first, because dropping a table deletes the rows that refer to it.
CREATE TABLE new_trials (
    id           INTEGER PRIMARY KEY,
    run_id       INTEGER REFERENCES runs (id) ON DELETE CASCADE,
    champion_id  INTEGER NOT NULL REFERENCES models (id),
    candidate_id INTEGER NOT NULL REFERENCES models (id),
    began_at     REAL NOT NULL,
    late_at      REAL,                              -- when the candidate got its larger share
    ended_at     REAL,                              -- NULL while it goes on
    outcome      TEXT CHECK (outcome IN ('promoted', 'rejected', 'undecided', 'failed', 'cancelled')),
    reason       TEXT NOT NULL DEFAULT '',
    measures     TEXT NOT NULL DEFAULT '{}',        -- JSON: the latest analysis
    watch_id     INTEGER REFERENCES watches (id) ON DELETE CASCADE,
    CHECK ((run_id IS NULL) != (watch_id IS NULL))
);
INSERT INTO new_trials (id, run_id, champion_id, candidate_id, began_at, late_at, ended_at, outcome, reason, measures)
SELECT id, run_id, champion_id, candidate_id, began_at, late_at, ended_at, outcome, reason, measures FROM trials;

CREATE TABLE new_duels (
    id             INTEGER PRIMARY KEY,
    trial_id       INTEGER NOT NULL REFERENCES new_trials (id) ON DELETE CASCADE,
    update_id      INTEGER NOT NULL UNIQUE,         -- the photo's update
    person_id      INTEGER NOT NULL,                -- the sender of the photo
    chat_id        INTEGER NOT NULL,
    first_model_id INTEGER NOT NULL REFERENCES models (id),    -- whose joke is A
    joke_a         INTEGER REFERENCES jokes (id) ON DELETE CASCADE,
    joke_b         INTEGER REFERENCES jokes (id) ON DELETE CASCADE,
    message_id     INTEGER,                         -- NULL until it is shown
    choice         TEXT CHECK (choice IN ('a', 'b', 'meh')),   -- the sender's
    after_delivery INTEGER NOT NULL,                -- the newest delivery when it was begun
    created_at     REAL NOT NULL,
    chosen_at      REAL
);
INSERT INTO new_duels (id, trial_id, update_id, person_id, chat_id, first_model_id, joke_a, joke_b, message_id, choice,
                       after_delivery, created_at, chosen_at)
SELECT id, trial_id, update_id, person_id, chat_id, first_model_id, joke_a, joke_b, message_id, choice, after_delivery,
       created_at, chosen_at FROM duels;
DROP TABLE duels;
DROP TABLE trials;
ALTER TABLE new_trials RENAME TO trials;
ALTER TABLE new_duels RENAME TO duels;
CREATE UNIQUE INDEX one_trial ON trials (ended_at IS NULL) WHERE ended_at IS NULL;
CREATE INDEX trials_by_run ON trials (run_id);
CREATE INDEX trials_by_watch ON trials (watch_id);
CREATE INDEX duels_by_trial ON duels (trial_id);
CREATE INDEX duels_by_chat ON duels (chat_id);
CREATE INDEX duels_by_person ON duels (person_id);
CREATE INDEX duels_by_joke_a ON duels (joke_a);
CREATE INDEX duels_by_joke_b ON duels (joke_b);

-- Choices of a group's other members.
CREATE TABLE duel_choices (
    duel_id   INTEGER NOT NULL REFERENCES duels (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL,
    choice    TEXT NOT NULL CHECK (choice IN ('a', 'b', 'meh')),
    chosen_at REAL NOT NULL,
    PRIMARY KEY (duel_id, person_id)
) WITHOUT ROWID;
CREATE INDEX duel_choices_by_person ON duel_choices (person_id);

-- Why a new champion is suspected to be worse than its predecessor (JSON; '' until it is), and the admins who know that
-- this can't be tested.
ALTER TABLE watches ADD COLUMN suspicion TEXT NOT NULL DEFAULT '';
