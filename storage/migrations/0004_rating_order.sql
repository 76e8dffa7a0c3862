-- The update that brought a rating, so that one which is worked on again after a kill doesn't undo a later one.
ALTER TABLE ratings ADD COLUMN update_id INTEGER;
