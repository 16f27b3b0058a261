"""A plot of each kind, of the numbers in the pictures of the design: for tests, and for looking at them."""

import math
import random

from webui.reports.plots import Cell, Grid, Link, Mark, Plot, Point, Series

HOSTILE = '<img src=x onerror="window.__broken=1">{v|bold}\n"quoted" & \'more\''
DAY = 86_400
BEGIN = 1_762_358_400  # 6 November 2025 in Shanghai
DAYS = tuple(
    f"{['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'][(n + 1) % 7]} {6 + n}" for n in range(15)
)  # Fri 6 .. Fri 20, as in the picture
PV = (9.86, 10.41, 10.52, 9.94, 12.06, 15.42, 9.26, 9.44, 9.93, 10.07, 9.42, 9.3, 8.02, 9.41, 3.72)
BEFORE = (9.21, 9.7, 9.84, 9.33, 9.18, 9.4, 9.26, 9.38, 9.84, 9.96, 9.4, 9.32, 9.29, 9.42)
UV = (741, 763, 768, 740, 826, 989, 712, 722, 738, 747, 722, 715, 660, 716, 392)
WORDS = {
    "no_data": "no data",
    "open": "day not over: to 14:30",
    "this": "this period",
    "went_on": "went on",
    "dropped": "dropped off",
    "faint": "under 30 UV",
}
MARKS = (
    Mark(4.82, "A", "task", "Add servers to www: 80", "/plots/?task=A"),
    Mark(5.0, "1", "note", "11.11 sale", "/plots/?note=1"),
    Mark(7.09, "B", "task", "Upgrade package openssl", "/plots/?task=B"),
    Mark(12.42, "C", "task", "Sync application file: nginx_config", "/plots/?task=C"),
    Mark(12.73, "D", "task", "Sync application file: roll back", "/plots/?task=D"),
)


def line() -> Plot:
    """Give PV over UV of fifteen days, the last not over, with tasks and a note."""
    before = "23 Oct to 5 Nov, same weekdays"
    return Plot(
        "line",
        "PV is 141,850,233, 7.9% above the 14 days before; 18 November is low.",
        DAYS,
        times=tuple(BEGIN + n * DAY for n in range(15)),
        grids=(
            Grid(
                "PV",
                "events",
                (
                    Series(
                        "PV",
                        tuple(round(n * 1e6) for n in PV),
                        open=(14,),
                        flags=(12,),
                        urls=tuple(f"/plots/?day={n}" for n in range(15)),
                    ),
                    Series(before, (*(round(n * 1e6) for n in BEFORE), None), before=True),
                ),
            ),
            Grid(
                "UV",
                "users",
                (
                    Series("UV", tuple(n * 1000 for n in UV), open=(14,)),
                    Series(before, (*(n * 985 for n in UV[:14]), None), before=True),
                ),
            ),
        ),
        open=(14,),
        marks=MARKS,
        words=WORDS,
    )


def several(count: int = 4) -> Plot:
    """Give a line for each of some channels, one with a hole and one hostile by name."""
    names = ("organic", "ads", HOSTILE, "mail", "social", "other")[:count]
    series = tuple(
        Series(
            name,
            tuple(None if (row, n) == (1, 6) else 0.05 * (row + 1) + 0.01 * math.sin(n + row) for n in range(15)),
        )
        for row, name in enumerate(names)
    )
    grid = Grid("Buyers / UV", "", series, share=True, rules=((0.1, "10% rule", None), (0.05, "5% rule", 2)))
    return Plot("line", "Four channels.", DAYS, grids=(grid,), words=WORDS)


def hours() -> Plot:
    """Give two weeks by the hour, more places than labels fit, and tasks that lie close."""
    times = tuple(BEGIN + n * 3600 for n in range(336))
    values = tuple(round(4e5 * (1.2 + math.sin(n / 24 * 2 * math.pi)) + 1e4 * (n % 7)) for n in range(336))
    marks = tuple(Mark(100 + n * 2.5, "CDEF"[n], "task", f"Task {n}", f"/tasks/{n}/") for n in range(4))
    grid = Grid("PV", "events", (Series("PV", values),))
    labels = tuple(f"{6 + n // 24} Nov {n % 24:02}:00" for n in range(336))
    return Plot("line", "By the hour.", labels, times=times, grids=(grid,), marks=marks, words=WORDS)


def bars() -> Plot:
    """Give upright bars by day, two series, the last day not over."""
    grid = Grid("Users", "users", (Series("new", UV[:10]), Series("back", tuple(-n // 3 for n in UV[:10]))))
    return Plot(
        "bar", "Ten days.", DAYS[:10], times=tuple(range(10)), grids=(grid,), open=(9,), marks=MARKS[:1], words=WORDS
    )


def rows(urls: tuple[str, ...] = tuple(f"/plots/?row={n}" for n in range(6))) -> Plot:
    """Give lying bars: names too long to stand below, one hostile."""
    names = ("Down jackets for the whole family", "Phone cases", HOSTILE, "Sofa covers", "LED bulbs", "手机壳与保护膜")
    values = (48_310, 46_022, 33_104, 30_877, 17_208, None)
    return Plot(
        "bar",
        "Six categories.",
        names,
        grids=(Grid("Users", "users", (Series("Users", values, urls=urls),)),),
        words=WORDS,
    )


def heatmap() -> Plot:
    """Give events by weekday and hour; one field has no data and one is not over."""
    cells = tuple(
        Cell(
            hour,
            day,
            None if (hour, day) == (3, 2) else round(4e5 + 8.7e6 * max(0.0, math.sin((hour - 5) / 19 * 3) ** 3)),
            open=(hour, day) == (14, 4),
            url=f"/plots/?cell={hour}.{day}",
        )
        for day in range(7)
        for hour in range(24)
    )
    return Plot(
        "heatmap",
        "Evenings are busiest.",
        tuple(f"{n:02}" for n in range(24)),
        y=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        cells=cells,
        unit="events",
        words=WORDS,
    )


def grid() -> Plot:
    """Give a small heat map whose cells carry their numbers."""
    cells = tuple(Cell(x, y, (x + 1) * (5 - y) * 137) for y in range(5) for x in range(5))
    scores = ("1", "2", "3", "4", "5")
    return Plot("heatmap", "R against F.", scores, "Frequency", scores[::-1], cells=cells, unit="users", words=WORDS)


def scatter(count: int = 900) -> Plot:
    """Give categories by UV and pay rate."""
    chance = random.Random(7)
    points = []
    for n in range(count):
        uv = round(10 ** chance.uniform(1, 4.6))
        rate = min(0.3, chance.lognormvariate(-2.8, 0.6))
        group = ("Stars", "Traffic without sales", "Niche", "Weak")[(uv < 412) * 2 + (rate < 0.062)]
        name = HOSTILE if n == 0 else f"Category {n}"
        points.append(Point(uv, rate, name, group, faint=uv < 30, url=f"/plots/?point={n}"))
    points.append(Point(61_204, 0.029, "Down jackets", "Traffic without sales", url="/plots/?point=jackets"))
    return Plot(
        "scatter",
        "Down jackets draw many and sell little.",
        x_name="UV of the category (log)",
        y_name="Buyers / UV",
        points=tuple(points),
        cuts=(("x", 412, "median 412 UV"), ("y", 0.062, "median 6.2%")),
        share=True,
        log=True,
        words=WORDS,
    )


def funnel() -> Plot:
    """Give view, cart, buy."""
    steps = (901_337, 412_906, 128_770)
    urls = tuple(f"/plots/?step={n}" for n in range(3))
    return Plot(
        "funnel",
        "14.3% of those who viewed bought.",
        ("1 View", "2 Add to cart", "3 Buy"),
        grids=(Grid("Users", "users", (Series("Users", steps, urls=urls),)),),
        words=WORDS,
    )


def sankey() -> Plot:
    """Give four steps of visits; as many go in as come out."""
    flows = (
        ("1 view", "2 view", 5200), ("1 view", "2 cart", 1400), ("1 view", "2 exit", 3100), ("1 fav", "2 view", 640),
        ("1 fav", "2 exit", 210), ("1 cart", "2 buy", 380), ("1 cart", "2 view", 520), ("2 view", "3 view", 3300),
        ("2 view", "3 cart", 900), ("2 view", "3 exit", 2160), ("2 cart", "3 buy", 620), ("2 cart", "3 view", 510),
        ("2 cart", "3 exit", 270), ("2 buy", "3 exit", 380), ("3 view", "4 exit", 3810), ("3 cart", "4 buy", 300),
        ("3 cart", "4 exit", 600), ("3 buy", "4 exit", 620),
    )  # fmt: skip
    links = tuple(Link(*flow, url=f"/plots/?link={at}") for at, flow in enumerate(flows))
    return Plot("sankey", "A third leaves after one view.", links=links, unit="visits", words=WORDS)


def every() -> dict[str, Plot]:
    """Give all of them by name."""
    return {
        "PV and UV by day": line(), "By channel": several(), "By the hour": hours(), "New and lost": bars(),
        "By category": rows(), "Hour and weekday": heatmap(), "RFM": grid(), "Categories": scatter(),
        "Funnel": funnel(), "Paths": sankey(),
    }  # fmt: skip
