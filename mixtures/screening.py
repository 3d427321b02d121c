"""What is looked for in the sources before anything is trained, and what is done with it."""

from typing import Literal

# drop: from the source. The benchmark stays what it is in every study, so scores can be compared,
# and a source rarely loses more than a few documents. drop_items: from the benchmark, where the
# source is worth more than the items. flag: reported, nothing is left out.
Decontamination = Literal["drop", "drop_items", "flag", "off"]
NearDuplicates = Literal["drop", "flag", "off"]
