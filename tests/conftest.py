"""What every test may use: the fixtures of tests/fleet. Their environment is made by tests/settings.py."""

import signal
from pathlib import Path

pytest_plugins = [
    f"tests.fleet.{name}"
    for name in ("plugin", "mariadb", "chromium", "store")
    if (Path(__file__).parent / "fleet" / f"{name}.py").exists()
]

# A shell starts what runs in the background with SIGINT ignored; so would be every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
