"""Probe files as people write them (YAML, JSON, JSON lines, CSV) ↔ `ProbeFile`. Knows files, not the store.

Every bad input becomes an `UnreadableProbeFile` that says where (line or probe id), what is wrong, and what to do.
"""

from beyondloss.ingest.probe_files.dump import dump_probe_file
from beyondloss.ingest.probe_files.read import FORMATS, parse_probe_text, read_probe_file
from beyondloss.ingest.probe_files.starter import starter_probes

__all__ = ["FORMATS", "dump_probe_file", "parse_probe_text", "read_probe_file", "starter_probes"]
