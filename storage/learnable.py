"""What may be learnt from: a condition for queries on ratings joined with jokes. Apart from `evidence`, which needs NumPy."""
from storage.bans import NOT_BANNED

LEARNT_FROM = f"""ratings.person_id NOT IN (SELECT person_id FROM private_people)
    AND jokes.person_id NOT IN (SELECT person_id FROM private_people)
    AND photo_id NOT IN (SELECT photo_id FROM private_people JOIN photo_senders USING (person_id))
    AND {NOT_BANNED}"""
"""Nothing that somebody who is private sent, asked for or rated, and nothing that somebody who is banned asked for or rated."""
