"""All readers, in the order in which they are asked: the more particular layout first."""

from beyondloss.ingest.discover import Readers
from beyondloss.ingest.formats.axolotl import AxolotlReader
from beyondloss.ingest.formats.huggingface import HuggingFaceReader
from beyondloss.ingest.formats.llamafactory import LlamaFactoryReader, LlamaFactoryV1Reader
from beyondloss.ingest.formats.lone_model import LoneAdapterReader
from beyondloss.ingest.formats.mlx import MlxReader
from beyondloss.ingest.formats.ms_swift import MsSwiftReader
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.formats.torchtune import TorchtuneReader
from beyondloss.ingest.formats.trackio import TrackioReader


def all_readers() -> Readers:
    """Readers with a memory of their own for unfinished saves and growing logs: one set per watch or import."""
    steadiness = Steadiness()
    return Readers(
        strong=(
            LlamaFactoryV1Reader(steadiness=steadiness),
            LlamaFactoryReader(steadiness=steadiness),
            MsSwiftReader(steadiness=steadiness),
            AxolotlReader(steadiness=steadiness),
            TorchtuneReader(steadiness=steadiness),
            MlxReader(),
            HuggingFaceReader(steadiness=steadiness),
        ),
        weak=(LoneAdapterReader(steadiness=steadiness),),
        within=(TrackioReader(),),
    )
