"""The wheel: what it holds, and that it works without the checkout, from another working folder."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from symcalc.late import Late

ROOT = Path(__file__).parents[1]
RULES = sorted(path.name for path in (ROOT / "rules").glob("*.toml"))
SOURCES = sorted(path.name for path in (ROOT / "symcalc").glob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VERSION = re.search(r'"(\d+\.\d+\.\d+)"', (ROOT / "symcalc" / "version.py").read_text("utf-8"))[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "dist", ".*_cache", "__pycache__")


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """A wheel of a copy of the project, built in isolation as an installer does."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = shutil.copytree(ROOT, folder / "project", ignore=LEFT_OUT)
    try:
        run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(copy))
    except AssertionError as error:
        if "No matching distribution found for hatchling" in str(error):
            pytest.skip("the build backend hatchling cannot be downloaded")
        raise
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """A fresh environment with the wheel; NumPy and SymPy stand behind it, from this one."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, system_site_packages=False, with_pip=False, symlinks=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    into = ("--python", str(python), "install", "--quiet", "--no-deps", "--no-index")
    run(sys.executable, "-m", "pip", *into, str(wheel))
    behind = home / "behind"
    behind.mkdir()
    outer = Path(sysconfig.get_path("purelib"))
    for path in outer.iterdir():
        if path.name.split(".")[0].split("-")[0] in ("numpy", "sympy", "mpmath"):
            (behind / path.name).symlink_to(path)
    (site / "behind.pth").write_text(f"{behind}\n")
    return python


def plain(python, *argv, cwd):
    """Run in the fresh environment, with nothing of this one in the variables."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return run(str(python), *argv, cwd=cwd, env=env)


def test_the_wheel_holds_the_rules_the_marker_and_every_module(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    inside = [name.removeprefix("symcalc/") for name in names if name.startswith("symcalc/")]
    assert "py.typed" in inside
    assert (
        sorted(name[6:] for name in inside if name.startswith("rules/") and name.endswith(".toml"))
        == RULES
    )
    assert len([name for name in inside if name.endswith(".toml")]) == len(RULES)
    assert sorted(name for name in inside if name.endswith(".py")) == SOURCES
    assert len(names) == len(set(names)), "a file is in the wheel twice"


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"symcalc", f"symcalc-{VERSION}.dist-info"}


def test_the_metadata(wheel):
    files = zipfile.ZipFile(wheel)
    info = f"symcalc-{VERSION}.dist-info"
    metadata = files.read(f"{info}/METADATA").decode()
    for line in (
        "Name: symcalc",
        f"Version: {VERSION}",
        "License-Expression: BSD-3-Clause",
    ):
        assert line in metadata.splitlines()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [line.split()[1] for line in needed if "extra" not in line] == [
        text.replace(" ", "") for text in PROJECT["dependencies"]
    ]
    assert "symcalc = symcalc.cli:main" in files.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in files.namelist()


def test_the_installed_package_is_the_one_of_the_wheel(installed, tmp_path):
    code = (
        "import symcalc, symcalc.rulebook as r; print(symcalc.__file__); print(r.rules_folder());"
        "print(len(r.default_rules().ops))"
    )
    file, folder, count = plain(installed, "-c", code, cwd=tmp_path).splitlines()
    home = installed.parents[1]
    assert Path(file).is_relative_to(home) and Path(folder).is_relative_to(home)
    assert Path(folder) == Path(file).parent / "rules" and int(count) > 50
    assert sorted(path.name for path in Path(folder).glob("*.toml")) == RULES


def test_it_derives_from_another_working_folder(installed, tmp_path):
    code = (
        "from symcalc import derive; d = derive('||A*X - B||_F^2', 'X');"
        "print(d.gradient, d.verify().passed)"
    )
    assert plain(installed, "-c", code, cwd=tmp_path).strip() == "2*A'*(A*X - B) True"


def test_it_needs_no_optional_package(installed, tmp_path):
    code = "import importlib.util as u; print([u.find_spec(n) for n in ('scipy', 'jax', 'torch')])"
    assert plain(installed, "-c", code, cwd=tmp_path).strip() == "[None, None, None]"
    out = plain(installed, "-m", "symcalc", "derive", "logdet(X)", "X", "--verify", cwd=tmp_path)
    assert "df/dX = inv(X)'" in out and "verified" in out


def test_the_console_script(installed, tmp_path):
    script = installed.with_name("symcalc")
    out = plain(script, "rules", "show", "inv", cwd=tmp_path)
    assert "-inv(A)*H*inv(A)" in out


def test_rules_of_a_user_stand_beside_the_shipped_ones(installed, tmp_path):
    row = 'args = { A = "n n" }\nd = { A = "2*tr(H)" }\narray = "2*xp.trace({A})"\nsource = "test"'
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rows.toml").write_text(f"[tr2]\n{row}\n")
    out = plain(installed, "-m", "symcalc", "rules", "check", "mine", cwd=tmp_path)
    assert "ok   [tr2] d.A" in out


def test_an_editable_install_finds_the_rules_of_the_checkout():
    code = "import symcalc.rulebook as r; print(r.rules_folder())"
    out = run(sys.executable, "-c", code, cwd=ROOT)
    assert Path(out.strip()) == ROOT / "rules"


def stand_ins():
    loaded = [module for name, module in sys.modules.items() if name.startswith("symcalc.")]
    values = [value for module in loaded for value in vars(module).values()]
    return {value._module for value in values if isinstance(value, Late)}


def test_the_import_and_a_derivation_load_nothing_that_they_do_without():
    code = "import sys, symcalc; print(*sys.modules); symcalc.derive('tr(A*X)', 'X')"
    lines = run(sys.executable, "-c", f"{code}; print(*sys.modules)", cwd=ROOT).splitlines()
    imported, derived = (set(line.split()) for line in lines)
    late = stand_ins()
    assert len(late) > 10 and not imported & late
    assert not derived & {"sympy", "scipy", "symcalc.codegen", "symcalc.evaluate"}
    assert all(importlib.import_module(module) for module in late)


def test_the_sdist_builds_the_same_wheel(wheel, tmp_path):
    build = pytest.importorskip("build")
    copy = shutil.copytree(ROOT, tmp_path / "project", ignore=LEFT_OUT)
    command = [sys.executable, "-m", build.__name__, "--outdir", str(tmp_path / "dist"), str(copy)]
    run(*command)
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as files:
        held = {name.split("/", 1)[-1] for name in files.getnames()}
    assert {f"rules/{name}" for name in RULES} | {"LICENSE", "README.md"} <= held
    (again,) = (tmp_path / "dist").glob("*.whl")
    names = [sorted(zipfile.ZipFile(path).namelist()) for path in (wheel, again)]
    assert names[0] == names[1]
