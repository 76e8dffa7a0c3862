-- Replies that were sent for an unfinished update: JSON, message ids by their number. A restarted bot doesn't send them again.
ALTER TABLE inbox ADD COLUMN sent TEXT;
