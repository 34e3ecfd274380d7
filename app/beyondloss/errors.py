"""Everything that can go wrong in a way a person can do something about.

    BeyondLossError
    ├── InvalidInput          400  what was sent or typed cannot be used
    ├── NotAllowed            403  a link's visitor asked for more than the link gives
    ├── NotFound              404  no such run, probe, answer … (or not in this link's scope)
    ├── Conflict              409  it exists already, or changed meanwhile
    ├── Unreadable            422  a file or folder is there but cannot be read as what it should be
    │   ├── UnreadableCheckpoint
    │   └── UnreadableProbeFile
    ├── GenerationFailed      500  the model could not answer
    │   ├── MissingDependency      torch, peft, bitsandbytes … not installed
    │   ├── ModelNotFound          the base model is not on this machine
    │   └── OutOfMemory
    └── StoreUnavailable      503  the database is locked, full, missing, or of another version

Each carries a stable `code`, a `message` (one plain sentence: what is wrong) and a `hint` (what to do next).
Raised where the fact is known; translated once per boundary (web, worker, command line).
"""


class BeyondLossError(Exception):
    """Base of all errors that are told to a person in a sentence, without a traceback."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class InvalidInput(BeyondLossError):
    code = "invalid_input"
    status = 400


class NotAllowed(BeyondLossError):
    code = "not_allowed"
    status = 403


class NotFound(BeyondLossError):
    code = "not_found"
    status = 404


class Conflict(BeyondLossError):
    code = "conflict"
    status = 409


class Unreadable(BeyondLossError):
    code = "unreadable"
    status = 422


class UnreadableCheckpoint(Unreadable):
    code = "unreadable_checkpoint"


class UnreadableProbeFile(Unreadable):
    code = "unreadable_probe_file"


class GenerationFailed(BeyondLossError):
    code = "generation_failed"


class MissingDependency(GenerationFailed):
    code = "missing_dependency"


class ModelNotFound(GenerationFailed):
    code = "model_not_found"


class OutOfMemory(GenerationFailed):
    code = "out_of_memory"


class StoreUnavailable(BeyondLossError):
    code = "store_unavailable"
    status = 503
