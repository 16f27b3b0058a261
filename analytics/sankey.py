"""Draw flows from node to node as bands whose width is their number."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

Flow = tuple[str, str, float]  # from, to, how many
WIDTH = 0.06  # of a node, in columns
SPACE = 0.02  # between nodes, of the height of all
TEXT_AT_LEAST = 0.012  # of the height; below it names would overlap


def draw(axes: Any, flows: Sequence[Flow], colours: Sequence[str]) -> None:  # noqa: ANN401  # matplotlib has no types
    """Draw the nodes in columns, each as high as the larger of what comes in and goes out."""
    column = columns(flows)
    height: dict[str, float] = {
        node: max(sum(n for _, b, n in flows if b == node), sum(n for a, _, n in flows if a == node)) for node in column
    }
    top = _places(column, height)
    whole = max(sum(height[node] for node in column if column[node] == c) for c in set(column.values()))
    hue = {name: colours[n % len(colours)] for n, name in enumerate(dict.fromkeys(map(_bare, column)))}
    taken: dict[tuple[str, bool], float] = defaultdict(float)
    for source, target, number in sorted(flows, key=lambda f: (column[f[0]], top[f[1]], column[f[1]])):
        ends = []
        for node, going in ((source, True), (target, False)):
            ends.append((column[node] + (WIDTH if going else 0), top[node] + taken[node, going]))
            taken[node, going] += number
        axes.add_patch(_band(ends[0], ends[1], number, hue[_bare(source)]))
    for node, place in column.items():
        axes.add_patch(Rectangle((place, top[node]), WIDTH, height[node], color=hue[_bare(node)]))
        if height[node] >= TEXT_AT_LEAST * whole:
            axes.text(
                place + WIDTH * 1.3, top[node] + height[node] / 2, f"{node} {height[node]:,}", va="center", fontsize=7
            )
    axes.set_xlim(-0.05, max(column.values()) + 0.6)
    axes.set_ylim(max(top[node] + height[node] for node in column), 0)
    axes.axis("off")


def columns(flows: Sequence[Flow]) -> dict[str, int]:
    """Give each node's column: one after the last of those that lead to it."""
    found = {node: 0 for flow in flows for node in flow[:2]}
    for _ in found:
        late = [(b, found[a] + 1) for a, b, _ in flows if found[b] <= found[a]]
        if not late:
            return found
        for node, place in late:
            found[node] = max(found[node], place)
    return found  # only where flows go in a circle, which no path does


def _places(column: dict[str, int], height: dict[str, float]) -> dict[str, float]:
    """Give each node's upper edge; the large ones of a column first."""
    top, filled = {}, defaultdict[int, float](float)
    space = SPACE * max(sum(h for n, h in height.items() if column[n] == c) for c in set(column.values()))
    for node in sorted(column, key=lambda n: -height[n]):
        top[node] = filled[column[node]]
        filled[column[node]] += height[node] + space
    return top


def _band(start: tuple[float, float], end: tuple[float, float], width: float, colour: str) -> PathPatch:
    (x0, y0), (x1, y1) = start, end
    middle = (x0 + x1) / 2
    corners = [(x0, y0), (middle, y0), (middle, y1), (x1, y1), (x1, y1 + width), (middle, y1 + width)]
    corners += [(middle, y0 + width), (x0, y0 + width), (x0, y0)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(corners, codes), facecolor=colour, alpha=0.4, linewidth=0)


def _bare(node: str) -> str:
    """Give a node's name without its place, so that a behaviour has one colour."""
    return node.partition(". ")[2] or node
