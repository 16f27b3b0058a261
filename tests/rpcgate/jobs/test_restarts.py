"""What a master that ended has left is taken up by the next."""

from pathlib import Path

from rpcgate.engines.fake import Behaviour
from rpcgate.jobs import Limits
from rpcgate.protocol import JobState, Progress
from sdk import Status
from tests.rpcgate.master import running, source, statuses


def test_after_a_restart_running_jobs_are_lost_and_waiting_ones_run(tmp_path: Path) -> None:
    slow = Behaviour(delay=30, spread=0)
    with running(tmp_path, limits=Limits(jobs=1), behaviour=slow) as master:
        master.write("test", source())
        ran, waited = master.submit(), master.submit()
        master.events(ran, until=lambda _, state: state is JobState.RUNNING)
    with running(tmp_path) as master:
        lost = master.finals(ran)
        assert statuses(lost) == {Status.LOST: 3}
        assert "The master was stopped while this ran" in lost["h0"].reason
        assert statuses(master.finals(waited)) == {Status.OK: 3}


def test_a_spool_left_by_a_killed_master_makes_open_hosts_lost(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        submit = master.submission()
        master.jobs.stop()
        master.spool.add(submit, 1.0)
        master.spool.move(submit.job, JobState.RUNNING, 2.0)
        master.spool.append(submit.job, [Progress(0, 3.0, "h1", Status.OK, text="done")])
        master.spool.flush()
    with running(tmp_path) as master:
        finals = master.finals(submit.job)
        assert statuses(finals) == {Status.OK: 1, Status.LOST: 2}
        assert finals["h0"].reason == (
            "The master ended while this ran; the outcome is unknown, and it may still run on the server."
        )


def test_a_module_that_changes_while_its_job_waits_over_a_restart_is_not_run(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        submit = master.submission()
        master.jobs.stop()
        master.spool.add(submit, 1.0)
    (tmp_path / "modules" / "test.py").write_text(source("yield from ()"))
    with running(tmp_path) as master:
        finals = master.finals(submit.job)
        assert statuses(finals) == {Status.FAILED: 3}
        assert "was changed or removed while this task waited" in finals["h0"].reason
