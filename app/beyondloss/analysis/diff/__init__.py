"""Word diffs that people can read, in languages with and without spaces."""

from beyondloss.analysis.diff.folding import Segment, fold
from beyondloss.analysis.diff.ops import Op, OpKind
from beyondloss.analysis.diff.words import word_diff

__all__ = ["Op", "OpKind", "Segment", "fold", "word_diff"]
