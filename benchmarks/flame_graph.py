"""`python -m benchmarks.flame_graph STACKS PICTURE TITLE`: stacks as `py-spy record --format raw` writes them, drawn.

A frame is as wide as its share of the samples, and stands on the frame that called it.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

_NARROWEST = 0.004
"""Share of the samples below which a frame is left out."""
_EVERYWHERE = 0.98
"""Share of the samples above which a frame is on every stack."""
_CHARACTERS = 190
"""Characters of a label that fit on the whole width."""
_FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^:)]*)(:\d+)?\)")
_OURS, _OTHERS = "#d9622b", "#e8c07d"
_WIDTH, _ROW_HEIGHT = 16.0, 0.2


@dataclass
class Frame:
    """A function on a stack, with those that it called."""

    samples: int = 0
    called: dict[str, "Frame"] = field(default_factory=dict)


def read(stacks: str) -> Frame:
    """The tree of all stacks, under a root that stands for all samples."""
    root = Frame()
    for line in stacks.splitlines():
        names, _, count = line.rpartition(" ")
        frame = root
        frame.samples += int(count)
        for name in names.split(";"):
            frame = frame.called.setdefault(_label(name), Frame())
            frame.samples += int(count)
    return root


def draw(root: Frame, title: str, path: Path) -> None:
    """Write the picture."""
    while root.called and (widest := max(root.called.values(), key=lambda callee: callee.samples)).samples > (
        _EVERYWHERE * root.samples
    ):
        root = widest  # what is on every stack tells nothing
    picture = Picture(figsize=(_WIDTH, 1 + _ROW_HEIGHT * _depth(root, root.samples)))
    axes = picture.subplots()
    _draw(axes, root, left=0.0, row=0, total=root.samples)
    axes.set_xlim(0, 1)
    axes.set_axis_off()
    axes.autoscale_view(scalex=False)
    axes.set_title(f"{title}: {root.samples} samples, frames of Narad darker", fontsize=10)
    picture.savefig(path, dpi=90, bbox_inches="tight", metadata={"Software": None})


def _draw(axes: Axes, frame: Frame, *, left: float, row: int, total: int) -> None:
    for label, callee in sorted(frame.called.items(), key=lambda item: -item[1].samples):
        share = callee.samples / total
        if share < _NARROWEST:
            continue
        colour = _OURS if label.endswith(" narad") else _OTHERS
        axes.barh(row, share, left=left, height=0.92, align="edge", color=colour, edgecolor="white", linewidth=0.4)
        text = label.rpartition(" ")[0][: int(share * _CHARACTERS)]
        if len(text) > 2:
            axes.text(left + share / 2, row + 0.45, text, ha="center", va="center", fontsize=6)
        _draw(axes, callee, left=left, row=row + 1, total=total)
        left += share


def _depth(frame: Frame, total: int) -> int:
    shown = [callee for callee in frame.called.values() if callee.samples / total >= _NARROWEST]
    return 1 + max((_depth(callee, total) for callee in shown), default=0)


def _label(name: str) -> str:
    """The function, and whose it is."""
    match = _FRAME.fullmatch(name)
    if match is None:
        return f"{name} other"
    owner = match["file"].partition("/")[0]
    return f"{match['function']} {owner or 'other'}"


def main() -> None:
    """Draw the stacks of a file."""
    mpl.use("agg")
    stacks, picture, title = sys.argv[1:]
    draw(read(Path(stacks).read_text(encoding="utf-8")), title, Path(picture))


if __name__ == "__main__":
    main()
