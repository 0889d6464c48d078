"""Stacks of a profile become a tree in which every sample is counted once on each level."""

from pathlib import Path

from benchmarks.flame_graph import draw, read

STACKS = """\
main (narad/__main__.py:1);run (asyncio/runners.py:86);work (narad/worker/worker.py:7) 3
main (narad/__main__.py:1);run (asyncio/runners.py:86);work (narad/worker/worker.py:9) 2
main (narad/__main__.py:1);run (asyncio/runners.py:86) 5
"""


def test_samples_add_up_on_every_level() -> None:
    root = read(STACKS)

    run = root.called["main narad"].called["run asyncio"]
    assert (root.samples, run.samples) == (10, 10)
    assert {label: frame.samples for label, frame in run.called.items()} == {"work narad": 5}


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    draw(read(STACKS), "a profile", tmp_path / "picture.png")

    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
