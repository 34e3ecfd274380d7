"""The spool gives back what was put in, in order, whatever happened to the file."""

import resource
from pathlib import Path

from beyondloss.integrations.spool import Spool


def test_records_come_back_in_order_and_the_file_goes_when_all_are_sent(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.jsonl")
    spool.append([{"step": step} for step in range(5)])
    first = spool.first(2)
    assert first.records == [{"step": 0}, {"step": 1}]
    spool.mark_sent(first)
    spool.append([{"step": 5}])
    rest = spool.first(100)
    assert [record["step"] for record in rest.records] == [2, 3, 4, 5]
    spool.mark_sent(rest)
    assert spool.is_empty
    assert not (tmp_path / "a.jsonl").exists()


def test_a_half_written_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"step":1}\n{"st\n\xff\xfe\n{"step":2}\n')
    assert [record["step"] for record in Spool(path).first(10).records] == [1, 2]


def test_it_stops_growing_at_its_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.jsonl", max_bytes=20)
    assert spool.append([{"step": 1}])
    assert not spool.append([{"step": 2}])
    assert [record["step"] for record in spool.first(10).records] == [1]


def test_a_full_disk_leaves_no_half_line_for_the_next_one_to_fall_into(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.jsonl")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool.append([{"step": 1}])
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))  # room for half of the next line
    try:
        assert not spool.append([{"step": 2}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert spool.append([{"step": 3}])
    assert [record["step"] for record in spool.first(10).records] == [1, 3]


def test_a_missing_file_is_an_empty_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "none.jsonl")
    assert spool.is_empty
    assert spool.first(10).records == []
