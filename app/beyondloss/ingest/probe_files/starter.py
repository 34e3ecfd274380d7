"""The starter set: questions in English and Chinese that suit any assistant, so that a newcomer can rate at once."""

from pathlib import Path

from beyondloss.domain.probes import ProbeFile
from beyondloss.ingest.probe_files.read import read_probe_file

STARTER_PATH = Path(__file__).resolve().parent.parent / "starter"
STARTER_LANGUAGES = ("en", "zh")


def starter_probes() -> ProbeFile:
    """Both languages as one file: they share their behaviours, so that their ratings add up."""
    files = [read_probe_file(STARTER_PATH / f"{language}.yaml") for language in STARTER_LANGUAGES]
    behaviours = {behaviour.name: behaviour for file in files for behaviour in file.behaviours}
    return ProbeFile(tuple(behaviours.values()), tuple(probe for file in files for probe in file.probes))
