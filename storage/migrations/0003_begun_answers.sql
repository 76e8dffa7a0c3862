-- How far the answer to an update has come: a restarted bot goes on with that joke and message and begins no others.
ALTER TABLE inbox ADD COLUMN joke_id INTEGER REFERENCES jokes (id) ON DELETE SET NULL;
ALTER TABLE inbox ADD COLUMN message_id INTEGER;
CREATE INDEX inbox_by_joke ON inbox (joke_id) WHERE joke_id IS NOT NULL;
