-- The judge's versions: models of P(liked) that choose among candidates of a joke. Their files are in `judges/`.
CREATE TABLE judges (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    status     TEXT NOT NULL CHECK (status IN ('waiting', 'serving', 'kept', 'removed')),
    model_id   INTEGER REFERENCES models (id),      -- the champion beside which it serves or served
    digest     TEXT NOT NULL,                       -- of its content, its file's name
    usable     INTEGER NOT NULL,                    -- 1 where it ranks jokes on unseen photos better than chance
    reactions  INTEGER NOT NULL,                    -- ratings and duel choices there were when it was fitted
    measures   TEXT NOT NULL,                       -- JSON
    stale      INTEGER NOT NULL DEFAULT 0,          -- 1 where a user whose data it was fitted on was forgotten since
    fitted_at  REAL NOT NULL,
    served_at  REAL                                 -- when it last entered service
);
CREATE UNIQUE INDEX one_serving_judge ON judges (status) WHERE status = 'serving';

-- When data of a user was erased last: a judge whose data was read before is stale. One row, and it names nobody.
CREATE TABLE judge_erasures (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL
);
