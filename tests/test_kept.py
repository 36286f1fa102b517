"""Parsed rules are kept with the hash of their text: what is kept never outlives the text."""

import sys
import tomllib

import pytest

from symcalc.kept import rows_of


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    file = tmp_path / "own.toml"
    file.write_text('[a]\nd = "H"\n', encoding="utf-8")
    return file


def kept(path):
    return [file.name for file in (path.parent / "__pycache__").glob("*")]


def test_what_is_kept_is_used_for_the_same_text_only(path, monkeypatch):
    assert rows_of(path) == {"a": {"d": "H"}} and len(kept(path)) == 1
    with monkeypatch.context() as m:
        m.setattr(tomllib, "loads", None)
        assert rows_of(path) == {"a": {"d": "H"}}
    path.write_text('[b]\nd = "2*H"\n', encoding="utf-8")
    assert rows_of(path) == {"b": {"d": "2*H"}} == rows_of(path)


@pytest.mark.parametrize("damage", [b"", b"no marshal", b"(\x02\x00\x00\x00"])
def test_damaged_files_are_read_anew(path, damage):
    rows_of(path)
    (place,) = (path.parent / "__pycache__").glob("*")
    place.write_bytes(damage)
    assert rows_of(path) == {"a": {"d": "H"}}


def test_nothing_is_kept_where_python_keeps_nothing(path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rows_of(path) == {"a": {"d": "H"}} and kept(path) == []


def test_a_folder_that_cannot_be_written_and_dates_that_cannot_be_kept(path):
    path.write_text("[a]\nday = 2026-01-01\n", encoding="utf-8")
    assert list(rows_of(path)["a"]) == ["day"] and kept(path) == []
    (path.parent / "__pycache__").rmdir()
    (path.parent / "__pycache__").write_text("a file in its place")
    assert list(rows_of(path)["a"]) == ["day"]


def test_what_is_no_toml_is_an_error(path):
    path.write_text("[a", encoding="utf-8")
    with pytest.raises(tomllib.TOMLDecodeError):
        rows_of(path)
