-- The chat and album that an unfinished update belongs to, so that the rest of the album is found without reading all of a flood.
ALTER TABLE inbox ADD COLUMN album TEXT;
CREATE INDEX inbox_by_album ON inbox (album) WHERE album IS NOT NULL;
