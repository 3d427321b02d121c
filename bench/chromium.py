"""The Chromium that pages are measured and pictured in."""

import os
import shutil

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """DECAYMIX_CHROMIUM, or the first on the path; None where there is none."""
    found = [os.environ.get("DECAYMIX_CHROMIUM"), *(shutil.which(name) for name in _NAMES)]
    return next((one for one in found if one), None)
