"""Text as the plain words that two texts are compared by.

A word is lower case, delimited by spaces and without punctuation, as in GPT-3's decontamination
(arXiv 2005.14165, appendix C). Two additions: signs of arithmetic stay, because they make one sum
another; each Chinese, Japanese or Korean character is a word, because no spaces stand there.
"""

import re
import string

_SIGNS = "+-*/=<>^%"
_PUNCTUATION = {ord(c): None for c in string.punctuation if c not in _SIGNS} | {
    ord(c): None
    for c in "“”‘’„«»…—–。，、？！：；（）「」"  # noqa: RUF001 (they are meant)
}
_EAST_ASIAN = re.compile("([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")

_MARKER = re.compile(
    r"^\s*(?:q|a|question|answer|problem|instruction|input|prompt|task|user|human|assistant)"
    r"\s*[:.)]\s*",
    re.IGNORECASE,
)
# A shorter line is no question of its own ("Choices:", "True or false?").
_FEWEST_WORDS_OF_A_LINE = 4


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    plain = text.casefold()
    if not plain.isascii():
        plain = _EAST_ASIAN.sub(r" \1 ", plain)
    return plain.translate(_PUNCTUATION).split()


def question_keys(prompt: str) -> tuple[str, str]:
    """The normalised question and its longest line, markers such as `Q:` and `Answer:` taken off.

    Empty where there is none, or the line is the whole question or too short to be one.
    """
    lines = [_normalised(line) for line in prompt.splitlines()]
    whole = " ".join(line for line in lines if line)
    longest = max(lines, key=len, default="")
    is_telling = longest != whole and len(longest.split()) >= _FEWEST_WORDS_OF_A_LINE
    return whole, longest if is_telling else ""


def _normalised(line: str) -> str:
    while (bare := _MARKER.sub("", line)) != line:
        line = bare
    return " ".join(line.casefold().split()).rstrip(" ?.!:")
