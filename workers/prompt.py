"""The prompt format: the one place that says how an instruction and its response become text.

Training on SFT items and scoring of benchmarks both go through it. Plain words instead of special
chat tokens: chat tokens in the decay took GSM8K from 49 to 0 in Olmo 3's trials (FACTS, section 5).
Prompt and answer are tokenised apart, so that the answer's tokens do not depend on the prompt.
"""


def prompt_text(prompt: str) -> str:
    """The text that stands before the answer."""
    return f"Question: {prompt.strip()}\nAnswer:"


def answer_text(answer: str) -> str:
    """The text of the answer; its bytes are what bits per byte counts."""
    return f" {answer.strip()}"
