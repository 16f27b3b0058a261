"""Draw a Sankey diagram: nodes stand at their steps, bands between them are as wide as what they carry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.patches
import matplotlib.path
from matplotlib.axes import Axes

STEP = "0123456789-−"  # what the name of a node of a step begins with: "2. cart", "-1. view"
GAP = 0.035  # between nodes, of the height
WIDE = 0.02  # of a node, of the distance between steps
GREY = "#8A93A0"
Node = tuple[str, int]  # a name, and a number where one name stands at several steps
Flow = tuple[Node, Node, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: its step, its lower edge and its height."""

    step: int
    low: float
    size: float


def ribbons(axes: Axes, links: Iterable[tuple[str, str, float]], colours: tuple[str, ...]) -> dict[Node, Place]:
    """Draw links (from, to, value). Returns where each node stands. ValueError where they lead in a circle."""
    flows = parted([((source, 0), (target, 0), value) for source, target, value in links])
    places = layout(flows)
    kinds = list(dict.fromkeys(_kind(name) for name, number in places if not number))
    tone = {kind: colours[at] if at < len(colours) else GREY for at, kind in enumerate(kinds)}
    down = {node: place.low + place.size for node, place in places.items()}
    into = dict(down)
    scale = _scale(flows, places)
    for source, target, value in flows:
        size = value * scale
        colour = GREY if source[1] else tone[_kind(source[0])]
        axes.add_patch(_band(places[source].step + WIDE, down[source], places[target].step, into[target], size, colour))
        down[source] -= size
        into[target] -= size
    last = max(place.step for place in places.values())
    sums = totals(flows)
    for node, place in places.items():
        colour = GREY if node[1] else tone[_kind(node[0])]
        axes.add_patch(
            matplotlib.patches.Rectangle((place.step, place.low), WIDE, place.size, color=colour, linewidth=0)
        )
        text = f"{_kind(node[0])[:24]}  {sums[node]:,.0f}"
        axes.text(
            place.step + WIDE * 1.6,
            place.low + place.size / 2,
            text,
            fontsize=7,
            va="center",
            gid=f"{node[0]}|{node[1]}",
        )
    axes.set_xlim(-0.02, last + 0.42)
    axes.set_ylim(-0.02, 1.02)
    axes.set_axis_off()
    return places


def parted(flows: list[Flow]) -> list[Flow]:
    """Let who leaves leave beside the step they leave from; where steps count back, let who comes in do so."""
    if any(source[0].startswith(("-", "−")) for source, _, _ in flows):
        return [_turned(flow) for flow in _parted([_turned(flow) for flow in flows])]
    return _parted(flows)


def _parted(flows: list[Flow]) -> list[Flow]:
    at = steps(flows)
    sources = {source for source, _, _ in flows}
    return [
        (source, (target[0], at[source] + 1) if target not in sources and target[0][:1] not in STEP else target, value)
        for source, target, value in flows
    ]


def _turned(flow: Flow) -> Flow:
    return flow[1], flow[0], flow[2]


def steps(flows: list[Flow]) -> dict[Node, int]:
    """Tell at which step each node stands: one after the last that leads to it."""
    found = dict.fromkeys((node for source, target, _ in flows for node in (source, target)), 0)
    for _ in range(len(found) + 1):
        moved = False
        for source, target, _value in flows:
            if found[target] <= found[source]:
                found[target], moved = found[source] + 1, True
        if not moved:
            return found
    raise ValueError("the links lead in a circle")


def totals(flows: list[Flow]) -> dict[Node, float]:
    """Give what each node carries: the greater of what comes in and what goes out."""
    into: dict[Node, float] = {}
    out: dict[Node, float] = {}
    for source, target, value in flows:
        out[source] = out.get(source, 0) + value
        into[target] = into.get(target, 0) + value
    return {node: max(into.get(node, 0), out.get(node, 0)) for node in steps(flows)}


def layout(flows: list[Flow]) -> dict[Node, Place]:
    """Place the nodes from the top of each step, those with the largest sources' places first."""
    at, sums = _aligned(flows), totals(flows)
    count = max(at.values()) + 1
    rows = [[node for node in at if at[node] == step] for step in range(count)]
    scale = min((1 - GAP * (len(row) - 1)) / (sum(sums[node] for node in row) or 1) for row in rows)
    places: dict[Node, Place] = {}
    for step, row in enumerate(rows):
        top = 1.0
        for node in sorted(row, key=lambda node: (bool(node[1]), _middle(node, flows, places), -sums[node])):
            size = sums[node] * scale
            places[node] = Place(step, top - size, size)
            top -= size + GAP
    return places


def _aligned(flows: list[Flow]) -> Mapping[Node, int]:
    """Give the steps; counted from the right where they count back from an end."""
    if any(source[0].startswith(("-", "−")) for source, _, _ in flows):
        found = steps([_turned(flow) for flow in flows])
        most = max(found.values())
        return {node: most - step for node, step in found.items()}
    return steps(flows)


def _middle(node: Node, flows: list[Flow], places: Mapping[Node, Place]) -> float:
    """Give how far down a node's sources lie, weighed by what they send; 0 at the top."""
    known = [(places[source], value) for source, target, value in flows if target == node and source in places]
    whole = sum(value for _, value in known)
    return 1 - sum((place.low + place.size / 2) * value for place, value in known) / whole if whole else 0.0


def _scale(flows: list[Flow], places: Mapping[Node, Place]) -> float:
    sums = totals(flows)
    node = max(sums, key=lambda node: sums[node])
    return places[node].size / sums[node] if sums[node] else 0.0


def _band(left: float, top: float, right: float, down: float, size: float, colour: str) -> Any:  # noqa: ANN401  # a patch
    middle = (left + right) / 2
    points = [
        (left, top), (middle, top), (middle, down), (right, down),
        (right, down - size), (middle, down - size), (middle, top - size), (left, top - size), (left, top),
    ]  # fmt: skip
    move, line, curve = matplotlib.path.Path.MOVETO, matplotlib.path.Path.LINETO, matplotlib.path.Path.CURVE4
    path = matplotlib.path.Path(points, [move, curve, curve, curve, line, curve, curve, curve, line])
    return matplotlib.patches.PathPatch(path, facecolor=colour, alpha=0.28, linewidth=0)


def _kind(name: str) -> str:
    """Give a node's name without its step, which its place says."""
    rest = name.lstrip(STEP)
    return rest.lstrip(".: ") if rest != name and rest[:1] in (".", ":", " ") else name
