"""The domain's own words as people read them, so that `_(value)` finds a translation. Babel extracts `N_`."""


def N_(word: str) -> str:  # noqa: N802 - gettext's customary name
    """Marks a word for translation and leaves it as it is."""
    return word


WORDS = (
    # families of probes
    N_("familiar"),
    N_("paraphrase"),
    N_("boundary"),
    N_("retention"),
    N_("unseen"),
    # states of runs, checkpoints, jobs and links
    N_("training"),
    N_("finished"),
    N_("diverged"),
    N_("present"),
    N_("saving"),
    N_("gone"),
    N_("unreadable"),
    N_("sharded"),
    N_("queued"),
    N_("running"),
    N_("done"),
    N_("failed"),
    N_("cancelled"),
    N_("live"),
    N_("expired"),
    N_("revoked"),
    # what a curve is drawn by
    N_("step"),
    N_("epoch"),
    N_("tokens"),
    N_("time"),
    # who says a turn
    N_("system"),
    N_("user"),
    N_("assistant"),
    # what a checkpoint or reference is called
    N_("base"),
    N_("previous"),
)
