"""Results as JSON, as Markdown tables, and as curves over 1, 10 and 100 M rows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Result = dict[str, Any]
ROUGH = 0.05  # seconds; a ratio of less is that of two calls
LIMIT = 1.3


def kept(path: Path, rows: int, more: Result) -> dict[str, Result]:
    """Put what was measured of so many million rows beside what the file holds, and give all of it."""
    every = there(path)
    one = every.setdefault(str(rows), {})
    one["reports"] = {**one.get("reports", {}), **more.get("reports", {})}
    peers = one.setdefault("peers", {})
    for question, found in more.get("peers", {}).items():
        peers[question] = {**peers.get(question, {}), **found}  # each peer may be asked in a run of its own
    if "page" in more:
        one["page"] = more["page"]
    path.write_text(json.dumps(every, indent=1, ensure_ascii=False) + "\n")
    return every


def there(path: Path) -> dict[str, Result]:
    """Give the figures of a file, by millions of rows as a text."""
    found: dict[str, Result] = json.loads(path.read_text()) if path.exists() else {}
    return found


def tables(rows: int, result: Result) -> str:
    """Write the tables of so many million rows."""
    parts = [f"### {rows} M rows"]
    if result.get("reports"):
        parts.append(_reports(result["reports"]))
    if result.get("peers"):
        parts.append(_peers(result["peers"]))
    if result.get("page"):
        parts.append(_page(result["page"]))
    return "\n\n".join(parts)


def _reports(reports: Mapping[str, Result]) -> str:
    names = ("seconds", "by hand", "ratio", "cpu seconds", "by hand", "ratio", "peak, MiB", "by hand")
    lines = [f"| Report | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for name, one in sorted(reports.items(), key=lambda pair: -(pair[1]["ratio"] or 0)):
        ours, hand = one["ours"], one["by_hand"] or {}
        cells = [
            name,
            _seconds(ours["seconds"]),
            _seconds(hand["seconds"]) if hand else "too much memory",
            _ratio(one["ratio"]),
            f"{ours['cpu']:.2f}",
            f"{hand['cpu']:.2f}" if hand else "",
            _ratio(one["cpu_ratio"]),
            f"{ours['mib']:.0f}",
            f"{hand['mib']:.0f}" if hand else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _peers(peers: Mapping[str, Result]) -> str:
    names = list(dict.fromkeys(name for one in peers.values() for name in one if name != "ours"))
    lines = [
        f"| Question | ours, s | {' | '.join(f'{name}, s (times ours; cpu s)' for name in names)} |",
        "|---" * (len(names) + 2) + "|",
    ]
    for question, one in peers.items():
        cells = [_peer(one[name]) if name in one else "not asked" for name in names]
        lines.append(f"| {question} | {_seconds(one['ours']['seconds'])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _peer(one: Result | None) -> str:
    if one is None:
        return "more than 120"
    return f"{_seconds(one['seconds'])} ({one['times']:.1f}; {one['cpu']:.1f})"


def _page(page: Result) -> str:
    whole = page["page"]
    said = (
        f"Overview page complete after {whole['seconds']:.2f} s ({whole['cpu']:.2f} cpu s of the store,"
        f" {whole['own']:.2f} of the web tier, at most {whole['mib']:.0f} MiB in the store):"
    )
    return "\n".join(
        [
            said,
            "",
            "| Card | there after, s |",
            "|---|---|",
            *(f"| {name} | {seconds:.2f} |" for name, seconds in page["cards"].items()),
        ]
    )


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def draw(every: Mapping[str, Result], path: Path) -> None:
    """Draw the curves: seconds of each report over the rows, those of an aim strong and named."""
    import matplotlib as mpl  # it takes a second, and only this needs it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "omserver"  # the same figures, the same file
    from matplotlib import pyplot as plt

    counts = sorted(map(int, every))
    names = sorted({name for one in every.values() for name in one.get("reports", {})})
    figure, axes = plt.subplots(figsize=(8, 5))
    for name in names:
        found = {n: every[str(n)].get("reports", {}).get(name) for n in counts}
        there = {n: one for n, one in found.items() if one}
        strong = any(one["aim"] for one in there.values())
        seconds = [one["ours"]["seconds"] for one in there.values()]
        style = {"linewidth": 2.0, "label": name} if strong else {"linewidth": 0.8, "color": "#9aa4b2"}
        axes.plot(list(there), seconds, marker="o", markersize=4 if strong else 2, **style)
    pages = {n: every[str(n)]["page"]["page"]["seconds"] for n in counts if "page" in every[str(n)]}
    if pages:
        axes.plot(list(pages), list(pages.values()), "k--", marker="s", markersize=4, label="overview page, all cards")
    axes.set(xscale="log", yscale="log", xlabel="million rows", ylabel="seconds")
    axes.set_xticks(counts, map(str, counts))
    axes.grid(visible=True, which="major", linewidth=0.4)
    axes.legend(frameon=False, title="grey: the other reports", alignment="left")
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
