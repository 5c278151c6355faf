"""Compiling the kernel at installation: a condition of the machine is a remark, a word that nobody knows an error."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import packaging.tags
import pytest

from node.group import build_hook
from node.group.build_hook import LIBRARY, SOURCES, compile_kernel, get_build_hook
from support.programs import needed

EXPORTED = '__attribute__((visibility("default"))) int '
KERNEL = EXPORTED + "sf_interface(void) { return 1; }\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree whose sources are compiled in no time."""
    folder = tmp_path / "node" / "group" / "kernel"
    folder.mkdir(parents=True)
    for name in SOURCES:
        (folder / name).write_text(KERNEL if name == "kernel.c" else f"extern int {name[:-2]};\n")
    return tmp_path


@pytest.fixture
def hook(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The hook over that tree, with as much of hatchling as it needs."""
    module = ModuleType("hatchling.builders.hooks.plugin.interface")
    module.__dict__["BuildHookInterface"] = object
    parts = module.__name__.split(".")
    for at in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, ".".join(parts[:at]), ModuleType(parts[at - 1]))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = get_build_hook()()
    made.root, made.app = str(tree), Mock()
    yield made
    made.finalize("standard", {}, "")


def compiler(folder: Path, script: str, name: str = "cc") -> Path:
    """A program of this name that does this."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="latin-1")
    program.chmod(0o755)
    return program


def made(tree: Path) -> str:
    return compile_kernel(tree / "node" / "group" / "kernel", tree / "kernel.so")


def test_a_library_is_made_and_nothing_else(tree: Path) -> None:
    needed("cc")
    assert made(tree) == ""
    assert (tree / "kernel.so").is_file()
    assert not list(tree.glob("*.part"))


def test_a_compiler_of_spaces_is_none_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "  ")
    monkeypatch.setenv("PATH", str(compiler(tree / "bin", "echo no >&2; exit 3").parent))
    assert made(tree) == "cc failed: no"


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_whichever_compiler_is_there_is_taken(tree: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(compiler(tree / "bin", "echo no >&2; exit 3", name).parent))
    assert made(tree) == f"{name} failed: no"


def test_no_compiler(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/not/here/cc")
    assert made(tree) == "there is no C compiler"


def test_a_compiler_with_an_open_quote(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "cc '-O1")
    assert "CC cannot be understood" in made(tree)


def test_messages_in_any_encoding(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(compiler(tree / "bin", "echo 'donn\xe9e' >&2; exit 1")))
    assert "donn\ufffde" in made(tree)


def test_a_compiler_that_makes_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(compiler(tree / "bin", "exit 0")))
    assert "failed" in made(tree)


@pytest.mark.parametrize(
    "kernel",
    [
        EXPORTED + "sf_another(void) { return 1; }",
        EXPORTED + "sf_interface(void) { return *(volatile int *)0; }",
    ],
)
def test_what_cannot_be_loaded_was_not_compiled(tree: Path, kernel: str) -> None:
    needed("cc")
    (tree / "node" / "group" / "kernel" / "kernel.c").write_text(kernel)
    assert "cannot be loaded" in made(tree)
    assert not list(tree.glob("kernel.*"))


def test_a_place_that_cannot_be_written(tree: Path) -> None:
    needed("cc")
    (tree / "kernel.so" / "taken").mkdir(parents=True)
    assert "no library can be made" in made(tree)


# ---------------------------------------------------------------------- the hook


def test_a_wheel_with_its_kernel_names_the_platform(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    needed("cc")
    tags = ("manylinux_2_36_x86_64", "musllinux_1_2_x86_64", "linux_x86_64", "linux_other")
    monkeypatch.setattr(packaging.tags, "platform_tags", lambda: iter(tags))
    data: dict[str, Any] = {"force_include": {}}
    hook.initialize("standard", data)
    assert list(data["force_include"].values()) == [f"node/group/{LIBRARY}"]
    assert (data["pure_python"], data["tag"]) == (False, "py3-none-linux_x86_64")
    hook.finalize("standard", data, "")
    assert not [path for path in data["force_include"] if Path(path).exists()], "nothing stays behind"


def test_the_kernel_is_left_out(hook: Any, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGFED_KERNEL", "no")
    library = tree / "node" / "group" / LIBRARY
    library.write_bytes(b"old")
    hook.initialize("editable", {})
    assert not library.exists()


@pytest.mark.parametrize("wish", ["yes", "NO", "required", "0"])
def test_a_wish_that_nobody_knows_is_an_error(hook: Any, monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setenv("SIGFED_KERNEL", wish)
    with pytest.raises(ValueError, match="SIGFED_KERNEL"):
        hook.initialize("standard", {})


def test_without_a_compiler_there_is_a_remark(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/not/here/cc")
    hook.initialize("standard", {})
    assert "no C compiler" in hook.app.display_warning.call_args[0][0]


def test_without_a_compiler_there_is_an_error_where_one_is_required(
    hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/not/here/cc")
    monkeypatch.setenv("SIGFED_KERNEL", "require")
    with pytest.raises(RuntimeError, match="no C compiler"):
        hook.initialize("standard", {})


@pytest.mark.parametrize("wish", ["", "no"])
@pytest.mark.parametrize("stands", [True, False])
def test_a_tree_that_cannot_be_written(
    hook: Any, tree: Path, monkeypatch: pytest.MonkeyPatch, wish: str, *, stands: bool
) -> None:
    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setenv("SIGFED_KERNEL", wish)
    monkeypatch.setattr(build_hook, "_run", lambda *_: "Read-only file system")
    if stands:
        (tree / "node" / "group" / LIBRARY).write_bytes(b"old")
    monkeypatch.setattr(Path, "unlink", refuse)
    hook.initialize("editable", {})
    assert hook.app.display_warning.called is (stands or not wish)
