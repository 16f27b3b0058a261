"""What every test may use: the fixtures of tests/fleet. Their environment is made by tests/settings.py."""

import signal
from pathlib import Path

from hypothesis import HealthCheck, settings

pytest_plugins = [
    f"tests.fleet.{name}"
    for name in ("plugin", "mariadb", "chromium", "store")
    if (Path(__file__).parent / "fleet" / f"{name}.py").exists()
]

# Its deadline of 200 ms and its own idea of slow tell how busy the machine is, not what is wrong.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# A shell starts what runs in the background with SIGINT ignored; so would be every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
