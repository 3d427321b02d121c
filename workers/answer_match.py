"""Exact match where an answer has to be found in a text first; task files name these functions.

Each takes a document and the list with the text that the model wrote, as the harness's
`process_results` does, and gives the metrics of that one document.
"""

import re
import string
from typing import Any

_SPACING = re.compile(r"\\[!,;: ]|\\(?:left|right)(?![a-z])|\s+")


def boxed_match(doc: dict[str, Any], results: list[str]) -> dict[str, int]:
    """MATH: the last \\boxed{} of the text against that of the solution, spacing apart."""
    found, right = last_boxed(results[0]), last_boxed(doc["solution"])
    is_same = found is not None and right is not None and _plain(found) == _plain(right)
    return {"exact_match": int(is_same)}


def last_answer_match(doc: dict[str, Any], results: list[str]) -> dict[str, int]:
    """BIG-Bench Hard: what follows the last "the answer is", or the first line without it."""
    text = results[0].strip()
    answer = re.split(r"answer is:?\s*", text)[-1].split("\n")[0]
    return {"exact_match": int(normalised(answer) == normalised(doc["target"]))}


def normalised_match(doc: dict[str, Any], results: list[str]) -> dict[str, int]:
    """HotpotQA and FEVER: equal but for case, punctuation and articles (SQuAD's rule)."""
    right = doc["answer"] if "answer" in doc else doc["label"]
    return {"exact_match": int(normalised(results[0]) == normalised(right))}


def last_boxed(text: str) -> str | None:
    """What stands in the last \\boxed{}, braces counted; None where there is none that closes."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed{")
    for place in range(begin, len(text)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            if depth == 0:
                return text[begin:place]
            depth -= 1
    return None


def normalised(text: str) -> str:
    lowered = "".join(one for one in text.lower() if one not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", lowered).split())


def _plain(text: str) -> str:
    return _SPACING.sub("", text.replace("dfrac", "frac").replace("tfrac", "frac")).rstrip(".")
