"""The line that says of a goal whether it is met."""


def goal_line(name: str, value: float, bound: float, is_at_least: bool = False) -> str:
    """`value` is to be at most `bound`, or at least."""
    is_met = value >= bound if is_at_least else value <= bound
    return f"goal {name} value={value:.4f} bound={bound:g} {'met' if is_met else 'missed'}"
