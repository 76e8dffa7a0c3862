-- What has aged out is gone, yet models that learnt from it may serve on; if one of these people is forgotten later, they may not.

ALTER TABLE dataset_rows ADD COLUMN aged INTEGER NOT NULL DEFAULT 0;   -- 1 where the joke is gone by its age

CREATE TABLE aged_people (                          -- who had sent the photo of an aged row or asked for its joke
    dataset_id INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    row_id     TEXT NOT NULL,
    person_id  INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, row_id, person_id)
) WITHOUT ROWID;
CREATE INDEX aged_people_by_person ON aged_people (person_id);
