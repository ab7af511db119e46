"""Bars of a transfer: a line for each layer, one for all, events above them."""

from __future__ import annotations

import os

from corral.cli.bars import Bars


def shown(*messages: dict[str, object]) -> list[tuple[str, str, float, float | None]]:
    """Name, description, amount and total of the bars after ``messages``."""
    fd = os.open(os.devnull, os.O_WRONLY)
    try:
        with Bars(fd) as bars:
            for message in messages:
                bars.show(message)  # type: ignore[arg-type]
            return [
                (task.fields["name"], task.description, task.completed, task.total) for task in bars._progress.tasks
            ]
    finally:
        os.close(fd)


def moving(item: str, status: str, current: int, total: int) -> dict[str, object]:
    return {"id": item, "status": status, "progressDetail": {"current": current, "total": total}}


def test_each_layer_has_a_bar_and_events_have_none() -> None:
    assert shown(
        {"id": "latest", "status": "Pulling from app"},
        {"id": "a", "status": "Pulling fs layer", "progressDetail": {}},
        moving("a", "Downloading", 10, 100),
        {"status": "Digest: sha256:1"},
    ) == [("a", "Downloading", 10, 100)]


def test_several_layers_have_a_total() -> None:
    bars = shown(moving("a", "Downloading", 10, 100), moving("b", "Downloading", 50, 300))
    assert bars[-1] == ("total", "", 60, 400)


def test_a_layer_that_came_counts_whole() -> None:
    bars = shown(
        moving("a", "Downloading", 10, 100),
        moving("b", "Downloading", 50, 300),
        {"id": "a", "status": "Download complete", "progressDetail": {}},
        moving("b", "Extracting", 20, 300),
    )
    assert bars[-1] == ("total", "", 400, 400)
