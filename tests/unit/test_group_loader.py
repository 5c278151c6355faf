"""Finding the group: libsodium, the system's or the carried one, the kernel, and what is refused."""

import ctypes
import os
import shutil
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from node.errors import LibraryError
from node.group import load, self_test, sodium
from node.group.load import find_group
from node.group.vectors import EXCHANGE
from protocol.errors import OprfError
from protocol.oprf.group import GENERATOR
from protocol.oprf.kernel import PATHS, KernelGroup
from support.kernel import compiled, kernel_on, mutant, sabotaged
from support.kernel import sodium as sodium_group
from support.sizes import size
from support.sodium import loaded_group

ONE = (1).to_bytes(32, "little")
SABOTAGED = (
    ("constants.h", "0x34dca135978a3"),
    ("scalar.c", "0xd2b51da312547e1b"),
    ("constants.h", "0x61b274a0ea0b0"),
    ("constants.h", "0x7f6a0497b2e1b"),
    ("constants.h", "0xfdaa805d40ea"),
    ("constants.h", "0x409c1945fc176"),
    ("constants.h", "0x55aaa44ed4d20"),
    ("constants.h", "0x69b9426b2f159"),
    ("scalar.c", "0xa40611e3449c0f01"),
    ("scalar.c", "0xd6ec31748d98951d"),
    ("sha512.h", "0x6c44198c4a475817"),
    ("hash.c", "0x6a09e667f3bcc908"),
)
"""A constant of each kind in the sources of the kernel."""
MUTANTS = (
    (0, "ristretto.h", "encode_doubles(out + 32 * done,", "encode_doubles(out,"),
    (1, "ristretto.h", "encode_doubles(out + 32 * done,", "encode_doubles(out,"),
    (1, "ifma.c", "point_cache(&c, &sum); point_add(&total, &total, &c);", "total = sum;"),
    (0, "hash.c", "index >> 8", "index >> 9"),
    (-1, "ristretto.h", "&k, C_SQRT_AD_MINUS_ONE", "&k, LANES == 1 ? C_D : C_SQRT_AD_MINUS_ONE"),
    (1, "ristretto.h", "= !decode(&p, in + 32 * k, n", "= LANES == 1 && !decode(&p, in + 32 * k, n"),
    (0, "ristretto.h", "bad |= (int)any_identity", "bad |= !done && any_identity"),
    (1, "ristretto.h", "bad |= (int)any_identity", "bad |= !done && any_identity"),
    (0, "ristretto.h", "bad |= (int)any_identity", "bad = (int)any_identity"),
    (1, "ristretto.h", "else bad |= !decode", "else bad = !decode"),
    (0, "ristretto.h", "in + 64 * at, lanes", "in + 64 * LANES * k, lanes"),
    (1, "ristretto.h", "in + 64 * at, lanes", "in + 64 * LANES * k, lanes"),
    (0, "ristretto.h", "scalars + step * at,", "scalars + step * LANES * k,"),
    (1, "ristretto.h", "scalars + step * at,", "scalars + step * LANES * k,"),
    (0, "ristretto.h", "bad |= !decode(&p, in + 32 * k, n", "bad = !decode(&p, in + 32 * k, n"),
    (1, "ristretto.h", "bad |= !decode(&p, in + 32 * k, n", "bad = !decode(&p, in + 32 * k, n"),
    (1, "ifma.c", "bad |= !decode", "bad = !decode"),
    (0, "hash.c", "first + k + j", "k + j"),
    (0, "hash.c", "sf_scalar_reduce(out + 32 * k, uniform", "sf_scalar_reduce(out, uniform"),
    (1, "hash.c", "blocks_of(sizes[n], more) == ", "blocks_of(sizes[n], more) >= "),
    (0, "kernel.c", "memcmp(elements + 32 * k, zero", "memcmp(elements, zero"),
    (1, "kernel.c", "canonical(scalar, scalars + 32 * k)", "canonical(scalar, scalars)"),
    *((0, "portable.c", "254 / c + 1,", f"254 / c + (c != {bits}),") for bits in range(4, 10)),
)
"""What is wrong in long batches, in the ninth lane or on one path alone, and the path that shows it."""


@pytest.fixture
def no_system_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "_NAMES", {})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)


def test_carried_library_computes_the_same(tmp_path: Path) -> None:
    group = sodium.load_carried(cache=tmp_path / "cache")
    assert group.multiply_base(ONE) == loaded_group().multiply_base(ONE)


def test_carried_library_is_private_and_written_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sodium.load_carried(cache=cache)
    [file] = cache.iterdir()
    before = file.stat()
    sodium.load_carried(cache=cache)
    assert [file] == list(cache.iterdir())
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert before.st_mode & 0o777 == 0o600


def test_rbcl_itself_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sodium.load_carried(cache=tmp_path / "cache")
    assert not [name for name in sys.modules if name.split(".")[0] == "rbcl"]
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_damaged_file_is_written_again(tmp_path: Path) -> None:
    sodium.load_carried(cache=tmp_path)
    [file] = tmp_path.iterdir()
    good = file.read_bytes()
    other = tmp_path / "moved"
    file.rename(other)  # the loaded file itself must stay as it is
    file.write_bytes(good[:-1] + b"?")
    sodium.load_carried(cache=tmp_path)
    assert file.read_bytes() == good


@pytest.mark.usefixtures("no_system_library")
def test_falls_back_to_the_carried_library(tmp_path: Path) -> None:
    sodium.load_sodium(cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_prefers_the_system_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = tmp_path / "carried"
    sodium.load_carried(cache=carried)
    [file] = carried.iterdir()
    monkeypatch.setattr(sodium, "_NAMES", {sys.platform: ("libnothere.so.0", str(file))})
    sodium.load_sodium(cache=tmp_path / "unused")
    assert not (tmp_path / "unused").exists()


def test_asks_the_system_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sodium.load_carried(cache=tmp_path)
    [file] = tmp_path.iterdir()
    monkeypatch.setattr(sodium, "_NAMES", {})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: str(file))
    sodium.load_sodium(cache=tmp_path / "unused")
    assert not (tmp_path / "unused").exists()


def test_a_library_without_the_group_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "_NAMES", {sys.platform: (ctypes.util.find_library("c") or "libc.so.6",)})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    sodium.load_sodium(cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_library_that_cannot_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        """libsodium whose `sodium_init` fails."""

        def sodium_init(self) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    with pytest.raises(LibraryError, match="self-test"):
        sodium.load_carried(cache=tmp_path)


def test_a_wrong_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "EXCHANGE", replace(EXCHANGE, proof=bytes(64)))
    with pytest.raises(OprfError, match="does not compute"):
        self_test.check_group(loaded_group())
    with pytest.raises(LibraryError, match="self-test"):
        sodium.load_carried(cache=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits")
def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(LibraryError, match="others can write"):
        sodium.load_carried(cache=tmp_path)


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sodium, "find_spec", lambda name: None)
    with pytest.raises(LibraryError, match="not installed") as caught:
        sodium.load_carried(cache=tmp_path)
    assert "libsodium23" in caught.value.hint


@pytest.mark.parametrize("text", [None, "sodium_bs = load('libsodium')"], ids=["no-file", "other-form"])
def test_unknown_form_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "_sodium.py").write_text(text)
    spec = ModuleSpec("rbcl", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(sodium, "find_spec", lambda name: spec)
    with pytest.raises(LibraryError, match="does not carry"):
        sodium.load_carried(cache=tmp_path / "cache")


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LibraryError, match="no space"):
        sodium.load_carried(cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------- the kernel


def test_the_kernel_is_used_where_it_was_compiled() -> None:
    found = find_group(kernel=compiled("kernel"))
    assert found.group.name in PATHS
    assert not found.refused
    assert "self-test passed" in found.remark


def test_a_kernel_that_passed_is_not_tested_again_and_another_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        raise OprfError("the self-test was made")

    path = tmp_path / "kernel.so"
    shutil.copy(compiled("kernel"), path)
    assert find_group(kernel=path).group.name in PATHS
    monkeypatch.setattr(load, "compare_groups", asked)
    assert find_group(kernel=path).group.name in PATHS
    shutil.copy(compiled("kernel"), tmp_path / "another")
    (tmp_path / "another").replace(path)
    assert "the self-test was made" in find_group(kernel=path).remark


def test_libsodium_where_there_is_no_kernel(tmp_path: Path) -> None:
    found = find_group(kernel=tmp_path / "kernel.so")
    assert (found.group.name, found.refused) == ("libsodium", False)
    assert "not compiled" in found.remark


def test_libsodium_where_the_configuration_says_so() -> None:
    found = find_group("libsodium", kernel=compiled("kernel"))
    assert (found.group.name, found.refused) == ("libsodium", False)
    assert "configuration" in found.remark


@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize(
    ("file", "number"), size(quick=SABOTAGED[:2], thorough=SABOTAGED), ids=lambda value: value
)
def test_a_kernel_with_one_flipped_bit_is_refused(file: str, number: str) -> None:
    found = find_group(kernel=sabotaged(file, number))
    assert (found.group.name, found.refused) == ("libsodium", True)
    assert "the kernel is not used" in found.remark


@pytest.mark.slow
@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize(
    ("path", "file", "before", "after"), size(quick=MUTANTS[:6], thorough=MUTANTS), ids=str
)
def test_a_kernel_that_is_wrong_in_ordinary_use_is_refused(
    path: int, file: str, before: str, after: str
) -> None:
    library = mutant(file, before, after, path)
    group = kernel_on(path, library) if path >= 0 else KernelGroup(ctypes.CDLL(str(library)))
    with pytest.raises(OprfError):  # noqa: PT012 - whichever of the two notices
        self_test.check_group(group)
        self_test.compare_groups(group, sodium_group(), os.urandom)


@pytest.mark.slow
@pytest.mark.threat("wrong arithmetic")
@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("kernel.c", "sf_scalar_reduce(out, in, n); return", "(void)in; memset(out, 0, 32 * n); return"),
        ("kernel.c", "if (path == -1) return", "if (path == -1) return 8; if (path == -2) return"),
        ("kernel.c", "if (path == -1) return", "if (path == -1) return -1; if (path == -2) return"),
        ("kernel.c", "return burnt(sf_scalar_invert(out, in, n));", "return burnt(NO_MEMORY);"),
        ("hash.c", "return burnt(finish(out, inputs, sizes, n, elements));", "return burnt(NO_MEMORY);"),
    ],
    ids=["zeros", "path-8", "path--1", "no-inverse", "no-memory"],
)
def test_libsodium_takes_the_place_of_a_kernel_however_broken(file: str, before: str, after: str) -> None:
    found = find_group(kernel=mutant(file, before, after))
    assert (found.group.name, found.refused) == ("libsodium", True)


def test_a_libsodium_however_broken_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(group: object) -> None:
        raise AssertionError("256 zero scalars")

    monkeypatch.setattr(sodium, "check_group", broken)
    with pytest.raises(LibraryError, match="self-test"):
        sodium.load_carried(cache=tmp_path)


@pytest.mark.parametrize("content", [b"", b"no library"], ids=["empty", "text"])
def test_what_is_no_kernel_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kernel.so"
    path.write_bytes(content)
    found = find_group(kernel=path)
    assert (found.group.name, found.refused) == ("libsodium", True)
    assert "cannot be loaded" in found.remark
    assert str(path) in found.remark, "what the system says of it"


@pytest.mark.parametrize("kept", [70, 5000, -1])
def test_a_kernel_that_is_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "kernel.so"
    path.write_bytes(compiled("kernel").read_bytes()[:kept])
    found = find_group(kernel=path)
    assert (found.group.name, found.refused) == ("libsodium", True)
    assert "cut off" in found.remark


def test_a_library_without_the_functions_is_refused() -> None:
    found = find_group(kernel=Path(sys.modules["_ctypes"].__file__ or ""))
    assert (found.group.name, found.refused) == ("libsodium", True)


def test_a_kernel_of_other_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.oprf.kernel.INTERFACE", 2)
    found = find_group(kernel=compiled("kernel"))
    assert (found.group.name, found.refused) == ("libsodium", True)
    assert "other sources" in found.remark


def test_a_group_that_refuses_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    group = sodium_group()
    monkeypatch.setattr(self_test, "REFUSED", (GENERATOR,))
    with pytest.raises(OprfError, match="takes what"):
        self_test.check_group(group)
    with pytest.raises(OprfError, match="takes what"):
        self_test.compare_groups(group, group, os.urandom)
