"""From a picture at Telegram to a stored photo."""
from configs.errors import JokebotError


class PhotoDownloadError(JokebotError):
    """Telegram would not hand out a photo's file."""
