"""One answer through all checkpoints: a film strip, a scrubber, and where the text changed."""
