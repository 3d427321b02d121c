"""Hugging Face datasets: documents from the exported module's `mixture()`."""

from drawn import module_of, task

given = task()
for row in module_of(given.export).mixture():
    # The end token is no word of the text.
    given.add([int(word) for word in row["text"].split()], extra=1)
    if given.is_enough:
        break
given.done("datasets")
