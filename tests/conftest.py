"""What every test may use: the fixtures of tests/fleet. Their environment is made by tests/settings.py."""

from pathlib import Path

pytest_plugins = [
    f"tests.fleet.{name}"
    for name in ("plugin", "mariadb", "chromium", "store")
    if (Path(__file__).parent / "fleet" / f"{name}.py").exists()
]
