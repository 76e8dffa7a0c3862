-- Which side of the split a photo is on. A group is a photo with its near-duplicates; its side is decided once, for ever.

CREATE TABLE photo_groups (
    id         INTEGER PRIMARY KEY,
    side       TEXT NOT NULL CHECK (side IN ('train', 'holdout', 'neither')),
    decided_at REAL NOT NULL
);

CREATE TABLE grouped_photos (
    photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES photo_groups (id)
);
CREATE INDEX grouped_photos_by_group ON grouped_photos (group_id);

CREATE TABLE datasets (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,               -- its content's hash and its directory's name
    source      TEXT NOT NULL CHECK (source IN ('ratings', 'oogiri')),
    state       TEXT NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'trained', 'learnt', 'replaced')),
    raters      INTEGER NOT NULL DEFAULT 0,         -- raters that its manifest names by number
    replaced_by TEXT,                               -- the name of the one written anew, NULL where nothing was left
    created_at  REAL NOT NULL
);

-- The rows that come from jokes; imported rows name nobody and are not recorded. A joke that is deleted leaves NULL.
CREATE TABLE dataset_rows (
    dataset_id INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    row_id     TEXT NOT NULL,
    part       TEXT NOT NULL CHECK (part IN ('train', 'holdout')),
    joke_id    INTEGER REFERENCES jokes (id) ON DELETE SET NULL,
    forgotten  INTEGER NOT NULL DEFAULT 0,          -- 1 once the files no longer hold it
    PRIMARY KEY (dataset_id, row_id)
) WITHOUT ROWID;
CREATE INDEX dataset_rows_by_joke ON dataset_rows (joke_id);

-- A manifest names raters by number; who they are stands here alone.
CREATE TABLE dataset_raters (
    dataset_id INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    rater      INTEGER NOT NULL,
    person_id  INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, rater)
) WITHOUT ROWID;
CREATE INDEX dataset_raters_by_person ON dataset_raters (person_id);

-- Photo files whose row is gone and which are still to be removed.
CREATE TABLE abandoned_files (sha256 TEXT PRIMARY KEY) WITHOUT ROWID;
