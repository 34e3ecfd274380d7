"""All readers, in the order in which they are asked: the more particular layout first."""

from beyondloss.ingest.discover import Readers
from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.lone_model import LoneAdapterReader
from beyondloss.ingest.formats.steadiness import Steadiness


def all_readers() -> Readers:
    """Readers with a memory of their own for unfinished saves: one set per watch or import."""
    steadiness = Steadiness()
    return Readers(strong=(HuggingFaceReader(steadiness=steadiness),), weak=(LoneAdapterReader(steadiness=steadiness),))
