-- What the recogniser saw in the photo when the joke was asked for: an English name (configs/subjects.py), '' where it
-- was sure of nothing, NULL where there was no recogniser or the picture was a drawing. It is part of the prompt.

ALTER TABLE jokes ADD COLUMN seen TEXT;
