"""The journal's file is closed to who has not the master key, through every change of that key."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.lost_state import check_directory, check_state
from tealmesh.aws.moto import resealing
from tealmesh.aws.moto.journal import Entry
from tealmesh.aws.moto.journal_file import Journal, opened_lock, sealed_with
from tealmesh.aws.moto.resealing import reseal
from tealmesh.aws.moto.sealing import Sealing
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings
from tealmesh.model.identity.rings import Ring
from tealmesh.store import Store

SECRET = "the value of a secret"


def entry(name: str) -> Entry:
    body = json.dumps({"Name": name, "SecretString": SECRET}).encode()
    headers = {"x-amz-target": "secretsmanager.CreateSecret"}
    return Entry("secretsmanager", Request("POST", "/", "", headers, body), f"seed-{name}", 1.0)


def opened(directory: Path) -> Journal:
    sealing = Sealing(rings.watched(directory / "master-key"))
    return Journal(directory / "moto.jsonl", sealing, "first-seed", 7.0)


@given(text=st.text(), former=st.booleans())
def test_a_line_is_opened_by_each_live_key_and_by_no_other(text: str, former: bool) -> None:
    first = Sealing(lambda: Ring("one"))
    ring = Ring("two", "one") if former else Ring("one")
    line = first.sealed(text)
    assert "\n" not in line
    assert Sealing(lambda: ring).opened(line) == text
    with pytest.raises(ValueError, match=f"key {first.id}, which master-key does not have"):
        Sealing(lambda: Ring("two")).opened(line)


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_line_is_refused(at: int, bit: int) -> None:
    sealing = Sealing(lambda: Ring("one"))
    line = json.loads(sealing.sealed("text"))
    kept = bytearray(base64.b64decode(line["sealed"]))
    kept[at % len(kept)] ^= 1 << bit
    line["sealed"] = base64.b64encode(kept).decode()
    with pytest.raises(ValueError, match="changed after it was sealed"):
        sealing.opened(json.dumps(line))


def test_nothing_of_a_call_is_in_the_file_and_a_plain_one_of_before_is_sealed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "moto.jsonl"
    plain = [json.dumps({"seed": "first-seed", "at": 7.0}), entry("a").to_json(), '{"half']
    path.write_text("\n".join(plain))
    assert sealed_with(path) == ""
    journal = opened(tmp_path)
    assert journal.entries == [entry("a")]
    assert (journal.seed, journal.at) == ("first-seed", 7.0)
    journal.append(entry("b"))
    journal.close()
    kept = path.read_bytes()
    for secret in ("seed", "Secret", "secretsmanager"):
        assert secret.encode() not in kept
    again = opened(tmp_path)
    assert again.entries == [entry("a"), entry("b")]
    again.close()


@pytest.mark.parametrize("how", ["append", "renew", "restart", "retire"])
def test_a_rotation_is_followed_so_that_the_former_key_can_go(tmp_path: Path, how: str) -> None:
    master, path = tmp_path / "master-key", tmp_path / "moto.jsonl"
    journal = opened(tmp_path)
    journal.append(entry("a"))
    former = sealed_with(path)
    rings.rotated(master)
    expected = [entry("a")]
    if how == "append":
        journal.append(entry("b"))
        expected.append(entry("b"))
    elif how == "renew":
        journal.renew()
    journal.close()
    if how == "restart":
        opened(tmp_path).close()
    assert (sealed_with(path) == former) == (how == "retire")
    reseal(path)
    rings.retired(master)
    assert former not in path.read_text()
    again = opened(tmp_path)
    assert again.entries == expected
    again.close()


def test_a_journal_in_use_is_left_to_who_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "moto.jsonl"
    journal = opened(tmp_path)
    lock = opened_lock(path)
    fcntl.flock(lock, fcntl.LOCK_EX)
    rings.rotated(tmp_path / "master-key")
    before = path.read_bytes()
    times = iter([0.0, 100.0])
    with pytest.raises(TealError, match=r"in use: .* nothing was retired"):
        reseal(path, lambda: next(times))  # type: ignore[arg-type,return-value]
    assert path.read_bytes() == before
    looked = threading.Event()
    monkeypatch.setattr(resealing.time, "sleep", lambda _: (looked.set(), os.sched_yield()))
    waiting = threading.Thread(target=reseal, args=(path,))
    waiting.start()
    assert looked.wait(10)
    journal.renew()
    waiting.join(10)
    assert not waiting.is_alive()
    journal.close()
    os.close(lock)


def test_another_master_key_is_no_new_beginning(tmp_path: Path) -> None:
    opened(tmp_path).close()
    store = Store.open(tmp_path / "state.db")
    try:
        check_directory(tmp_path)
        check_state(tmp_path, store)
        master = tmp_path / "master-key"
        kept = master.read_text()
        for change, words in (
            (lambda: master.write_text("another"), "has not the key .* is sealed with"),
            (lambda: master.unlink(), r"gone, which moto\.jsonl is sealed with"),
        ):
            change()
            with pytest.raises(TealError, match=words) as caught:
                check_state(tmp_path, store)
            assert "back from a backup, or start over with `teal reset" in str(caught.value)
        master.write_text(kept)
        check_state(tmp_path, store)
    finally:
        store.close()
