"""The scale of ratings, that of the New Yorker Caption Contest.

Apart from `ratings`, since storage/learning/ lies below storage/chat/.
"""

VALUES = (3, 2, 1)
"""😂, 🙂 and 😐."""
LIKED = 2
"""The lowest value that is a like: 🙂 or 😂."""
