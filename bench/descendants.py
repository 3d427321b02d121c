"""What a controller has started, and that in turn: workers, and Ray's own processes."""

import subprocess


def descendants(pid: int) -> dict[int, str]:
    """Command lines by process id; the process itself is not among them."""
    table = subprocess.run(
        ["ps", "-eo", "pid,ppid,args", "--no-headers"], capture_output=True, text=True, check=True
    )
    parents, names = {}, {}
    for line in table.stdout.splitlines():
        one, parent, name = line.split(maxsplit=2)
        parents[int(one)], names[int(one)] = int(parent), name

    def descends(one: int) -> bool:
        while one in parents and one != pid:
            one = parents[one]
        return one == pid

    return {one: name for one, name in names.items() if one != pid and descends(one)}
