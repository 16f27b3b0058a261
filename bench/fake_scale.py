"""How a master's core does with many hosts: real spool, process and gate; only the hosts do not exist.

    python bench/fake_scale.py [hosts ...]        (100, 1000, 5000 and 10000 without)

Measured from Submit to the last event polled; hosts answer at once, so all the time is the core's own.
"""

import resource
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rpcgate.catalog import Catalog
from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.gate import Gate
from rpcgate.jobs import Jobs
from rpcgate.protocol import Accepted, HostSpec, JobState, News, Poll, Submit, encode
from rpcgate.spool import Spool

MODULES = Path(__file__).resolve().parents[1] / "modules"


def measure(gate: Gate, digest: str, hosts: int) -> tuple[float, float, int]:
    """Run one job; seconds to the first and to the last event, and the bytes of all answers."""
    job = str(uuid.uuid4())
    specs = [HostSpec(f"host{n:05}", engine="fake") for n in range(hosts)]
    submit = Submit(job, "1", 0, "run_command", digest, specs, params={"command": "uptime"})
    assert len(encode(submit)) <= 1 << 20
    began = time.perf_counter()
    answer = gate.answer(submit, time.time())
    assert isinstance(answer, Accepted), answer
    after, first, size = 0, 0.0, 0
    while True:
        gate.wait(Poll({job: after}), 10)
        news = gate.answer(Poll({job: after}), time.time())
        assert isinstance(news, News)
        size += len(encode(news))
        (one,) = news.jobs
        first = first or (time.perf_counter() - began if one.events else 0.0)
        after = one.events[-1].seq if one.events else after
        if one.state is JobState.ENDED and not one.more:
            assert after == hosts
            return first, time.perf_counter() - began, size


def main() -> None:
    """Print a line for each number of hosts."""
    with tempfile.TemporaryDirectory() as folder:
        spool, catalog = Spool(Path(folder) / "spool.db"), Catalog(MODULES)
        fake = Fake(Behaviour(delay=0, spread=0, differ=0.002))
        jobs = Jobs(spool, catalog, {"fake": fake}, open_secrets=lambda *_: {})
        gate = Gate(spool, catalog, jobs, name="bench", version="0")
        jobs.start()
        entry = catalog.get("run_command")
        assert entry
        assert not entry.error, entry.error
        measure(gate, entry.digest, 1)
        print("hosts   first s   last s   hosts/s   answers KiB")
        for hosts in [int(word) for word in sys.argv[1:]] or [1, 100, 1000, 5000, 10_000]:
            first, last, size = measure(gate, entry.digest, hosts)
            print(f"{hosts:5}   {first:7.3f}   {last:6.3f}   {hosts / last:7.0f}   {size / 1024:11.0f}")
        print(f"peak memory of the master: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
        jobs.stop()
        spool.close()
        fake.close()


if __name__ == "__main__":
    main()
