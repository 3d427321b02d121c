"""The Jinja sandbox that users' templates run in, with bounds on what they make and how long.

The sandbox keeps them from Python's internals. A slip in one must not fill the memory or run for
ever either: operators that make much of little are refused, and the processor's time is looked at
in every turn of a loop and at every call, so one is stopped soon after `MOST_SECONDS`.
"""

import threading
import time
from typing import Any

from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

# Of one rendered text, in characters: a long book has a few million.
MOST_CHARACTERS = 20_000_000
# Of one rendered text, in seconds of its own thread: what other work takes does not count, nor
# that the process is held. Ten million turns of a loop; a template that maps fields takes 0.1 ms.
MOST_SECONDS = 10.0
_LARGEST_BASE, _LARGEST_EXPONENT = 1_000_000, 100


class _Began(threading.local):
    """When this thread's rendering began; no bound holds outside one."""

    seconds = float("inf")


class Sandbox(ImmutableSandboxedEnvironment):
    """Call `start` before each rendering: its time counts from there."""

    # Intercepted operators are not computed when the template is compiled either.
    intercepted_binops = frozenset({"*", "**"})
    _began = _Began()

    def start(self) -> None:
        self._began.seconds = time.thread_time()

    def tick(self) -> None:
        """Raises ValueError where the rendering has taken too long."""
        if time.thread_time() - self._began.seconds > MOST_SECONDS:
            raise ValueError(f"it takes more than {MOST_SECONDS:g} s for one record")

    def _generate(self, source: nodes.Template, *arguments: Any, **named: Any) -> str:
        """The template's code, where each turn of a loop begins with a tick."""
        for loop in source.find_all(nodes.For):
            tick = nodes.Call(nodes.EnvironmentAttribute("tick"), [], [], None, None)
            loop.body.insert(0, nodes.ExprStmt(tick).set_lineno(loop.lineno))
        return super()._generate(source, *arguments, **named)

    def call(self, context: Context, called: Any, /, *arguments: Any, **named: Any) -> Any:
        """Of a function or a macro, which may call itself."""
        self.tick()
        return super().call(context, called, *arguments, **named)

    def call_filter(self, *arguments: Any, **named: Any) -> Any:
        """Of a filter that `map` or `select` puts over every item of a list."""
        self.tick()
        return super().call_filter(*arguments, **named)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuses what makes much of little: 'a' * 10 ** 9, 10 ** 10 ** 9."""
        if operator == "**" and (abs(left) > _LARGEST_BASE or abs(right) > _LARGEST_EXPONENT):
            raise ValueError(
                f"{left} ** {right}: expected a base up to {_LARGEST_BASE} and an exponent up to "
                f"{_LARGEST_EXPONENT}"
            )
        for sequence, times in ((left, right), (right, left)):
            if hasattr(sequence, "__len__") and len(sequence) * times > MOST_CHARACTERS:
                raise ValueError(f"* makes more than {MOST_CHARACTERS} characters or items")
        return super().call_binop(context, operator, left, right)
