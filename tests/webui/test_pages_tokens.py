"""The colours of tokens.css keep their contrast in both themes, and no other style sheet brings its own."""

import re
from pathlib import Path

import pytest

from webui.statuses import LOOKS

STATIC = Path(__file__).resolve().parents[2] / "static/omserver"
TOKENS = (STATIC / "tokens.css").read_text(encoding="utf-8")
PAIR = re.compile(r"--om-([a-z0-9-]+):\s*light-dark\(#([0-9A-Fa-f]{6}),\s*#([0-9A-Fa-f]{6})\)")
COLOURS = {name: (light, dark) for name, light, dark in PAIR.findall(TOKENS)}
THEMES = {"light": 0, "dark": 1}
STATES = ("ok", "changed", "failed", "unreachable", "timeout", "lost", "skipped", "cancelled", "running", "held")
TEXTS = [
    *((f"{name}", f"{name}-tint") for name in STATES),
    *((name, "surface") for name in (*STATES, "queued", "text", "text-2", "text-3", "accent")),
    *(("text-3", ground) for ground in ("page", "sunken", "surface", "accent-tint")),
    *(("text-2", ground) for ground in ("page", "sunken", "accent-tint", "count")),
    ("accent", "accent-tint"),
    ("accent", "page"),
    ("on-solid", "solid"),
    ("on-solid", "solid-hover"),
    ("text", "page"),
    ("text", "failed-tint"),
]
EDGES = [("control", ground) for ground in ("surface", "page")] + [("accent", "page"), ("accent", "surface")]


def luminance(colour: str) -> float:
    """Give WCAG's relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_has_the_contrast_it_needs(theme: str, text: str, ground: str) -> None:
    index = THEMES[theme]
    assert contrast(COLOURS[text][index], COLOURS[ground][index]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_the_edge_of_what_can_be_operated_is_seen(theme: str, edge: str, ground: str) -> None:
    index = THEMES[theme]
    assert contrast(COLOURS[edge][index], COLOURS[ground][index]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_series_are_read_on_the_card_and_cells_carry_text(theme: str) -> None:
    index = THEMES[theme]
    ground = COLOURS["surface"][index]
    assert all(contrast(COLOURS[f"series-{n}"][index], ground) >= 4.5 for n in range(1, 7))
    assert all(contrast(COLOURS["on-cell"][index], COLOURS[f"cell-{n}"][index]) >= 7.4 for n in range(1, 7))
    assert contrast(COLOURS["on-cell-7"][index], COLOURS["cell-7"][index]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ramp", ["heat", "cell"])
def test_more_heat_is_further_from_the_ground(theme: str, ramp: str) -> None:
    index = THEMES[theme]
    steps = [contrast(COLOURS[f"{ramp}-{n}"][index], COLOURS["surface"][index]) for n in range(1, 8)]
    assert steps == sorted(steps)


def test_every_state_has_a_tone_with_a_colour_and_an_icon(settings: object) -> None:
    for name, look in LOOKS.items():
        assert look.tone in COLOURS, name
        assert (settings.ICONS_DIR / f"{look.icon}.svg").is_file(), name  # type: ignore[attr-defined]


def test_no_page_brings_colours_of_its_own() -> None:
    for sheet in STATIC.rglob("*.css"):
        if sheet.name != "tokens.css":
            assert not re.findall(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b(?=[;\s,)])", sheet.read_text()), sheet.name
