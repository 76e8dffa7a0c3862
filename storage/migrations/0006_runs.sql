-- Runs, what the registry knows of models beyond their files, who served when, and what is due.

CREATE TABLE runs (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    state         TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'exporting', 'training', 'merging', 'judging', 'canary',
                                                                  'promoted', 'rejected', 'undecided', 'failed', 'cancelled')),
    reason        TEXT NOT NULL DEFAULT '',           -- why it ended so, for people
    started_by    TEXT NOT NULL CHECK (started_by IN ('schedule', 'pairs', 'admin', 'command')),
    asked_by      INTEGER,                            -- the person who asked; NULL for the clock, the command line, and who was forgotten
    given_dataset TEXT,                               -- the dataset that was asked for; NULL where the run exports its own
    dataset       TEXT,                               -- the name of the dataset that it trains on
    model_name    TEXT,                               -- the name that its model gets
    champion_id   INTEGER REFERENCES models (id),     -- in service when it began
    start_id      INTEGER REFERENCES models (id),     -- whose weights it starts from
    candidate_id  INTEGER REFERENCES models (id),
    verdict       TEXT,                               -- the gate's, JSON
    attempts      INTEGER NOT NULL DEFAULT 0,         -- times that the present step was begun; a stop that was asked for doesn't count
    restarts      INTEGER NOT NULL DEFAULT 0,         -- times that it began again because a person was forgotten
    cancel_at     REAL,                               -- when its end was asked for
    created_at    REAL NOT NULL,
    finished_at   REAL
);
-- One run at a time, whoever asks.
CREATE UNIQUE INDEX one_run ON runs ((1)) WHERE state IN ('queued', 'exporting', 'training', 'merging', 'judging', 'canary');

CREATE TABLE run_states (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    state  TEXT NOT NULL,
    at     REAL NOT NULL
);
CREATE INDEX run_states_by_run ON run_states (run_id);

-- The message in which a chat follows a run.
CREATE TABLE run_messages (
    run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, chat_id)
) WITHOUT ROWID;

ALTER TABLE models ADD COLUMN start_id INTEGER REFERENCES models (id);        -- whose weights it was trained from
ALTER TABLE models ADD COLUMN predecessor_id INTEGER REFERENCES models (id);  -- the champion whose place it took
ALTER TABLE models ADD COLUMN dataset TEXT;                                   -- the name of the dataset that it was trained on
ALTER TABLE models ADD COLUMN run_id INTEGER REFERENCES runs (id);
ALTER TABLE models ADD COLUMN code TEXT;          -- JSON: the files of code in a base that an admin agreed to, with their SHA-256
ALTER TABLE models ADD COLUMN reason TEXT NOT NULL DEFAULT '';                -- why it has its status, for people
ALTER TABLE models ADD COLUMN removed_at REAL;                                -- when its files were removed

-- Who took whose place in service, when and why.
CREATE TABLE promotions (
    id          INTEGER PRIMARY KEY,
    model_id    INTEGER NOT NULL REFERENCES models (id),
    replaced_id INTEGER REFERENCES models (id),
    kind        TEXT NOT NULL CHECK (kind IN ('canary', 'admin', 'rollback', 'watch')),
    reason      TEXT NOT NULL DEFAULT '',
    asked_by    INTEGER,
    at          REAL NOT NULL
);

-- What the command line asks of a running bot, and its answer.
CREATE TABLE requests (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CHECK (kind IN ('promote', 'rollback')),
    model_id    INTEGER REFERENCES models (id),
    answer      TEXT,                                 -- what came of it, for people; NULL until it is done
    done        INTEGER NOT NULL DEFAULT 0,           -- 1 where it was done, 0 where it was refused or is not answered yet
    asked_at    REAL NOT NULL,
    answered_at REAL
);

CREATE TABLE schedule (
    name   TEXT PRIMARY KEY,
    due_at REAL NOT NULL,
    ran_at REAL                                       -- when it was due last and was taken up
) WITHOUT ROWID;
