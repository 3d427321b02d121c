"""The final weights of a trial, kept under the home where its study keeps them.

`home/trials/TRIAL_ID/` holds `tokenizer.json` and, written last, `weights.safetensors` with the
trial's facts as metadata: all that an export to Hugging Face needs.
"""

import shutil
from pathlib import Path

from mixtures.trial import TrialSpec
from workers.checkpoint import save_checkpoint
from workers.prepare import Prepared
from workers.tensor_file import write_atomically
from workers.xmodel2 import Xmodel2

TRIALS, WEIGHTS = "trials", "weights.safetensors"


def keep_weights(home: Path, spec: TrialSpec, prepared: Prepared, model: Xmodel2) -> None:
    """Write the trial's folder; a second attempt writes the same bits over those of the first."""
    folder = home / TRIALS / spec.trial_id
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(
        folder / "tokenizer.json",
        lambda partial: shutil.copyfile(prepared.tokenizer_path, partial),
    )
    about = {
        "trial_id": spec.trial_id,
        "study_id": spec.study_id,
        "end_id": prepared.end_id,
        "mixture": spec.mixture.shares,
        "seed": spec.seed,
        "decay_tokens": spec.decay.tokens,
    }
    save_checkpoint(folder / WEIGHTS, model, None, about)
