"""Why a trial ends before its end and through no fault of its own."""


class TrialCancelled(Exception):
    """The user cancelled the trial while it ran."""


class TrialStopped(Exception):
    """The controller ends: a decay saves where it stands, and the next start goes on from there."""
