"""What people said, taken elsewhere: preference data to train on, ratings and answers as tables, ratings back in."""

from beyondloss.services.exports.forms import PreferenceFormat
from beyondloss.services.exports.preferences import preference_lines
from beyondloss.services.exports.ratings_import import RatingsImported, import_ratings
from beyondloss.services.exports.tables import TableFormat, answer_lines, rating_lines

__all__ = [
    "PreferenceFormat",
    "RatingsImported",
    "TableFormat",
    "answer_lines",
    "import_ratings",
    "preference_lines",
    "rating_lines",
]
