"""scripts/setup on pretended machines: what it installs, what it leaves alone, and what it names when it cannot install."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
TOOLS = [
    "sh",
    "cat",
    "cksum",
    "dirname",
    "sed",
    "grep",
    "find",
    "mktemp",
    "mkdir",
    "tail",
    "rm",
    "ls",
    "tr",
    "touch",
    "cp",
    "chmod",
    "env",
]

# Each pretended program notes how it was called, and acts only on the pretended machine's folder.
PYTHON = """#!/bin/sh
echo "python $*" >>"$MACHINE/calls"
case "$*" in
  *version_info\\ \\<*) [ ! -e "$MACHINE/old-python" ] ;;
  *ensurepip*) [ -e "$MACHINE/has-venv" ] ;;
  *version_info*) echo python3.11-venv ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$MACHINE/bin/python3" .venv/bin/python ;;
  *"playwright --version"*) [ -e "$MACHINE/has-libatomic" ] ;;
  *executable_path*) printf '#!/bin/sh\\necho "pretended $*"\\n' >"$MACHINE/browser"; chmod +x "$MACHINE/browser"; echo "$MACHINE/browser" ;;
  *find_binaries*) [ -e "$MACHINE/has-postgis" ] ;;
  *require-hashes*) [ ! -e "$MACHINE/no-network" ] ;;
  *) exit 0 ;;
esac
"""
APT = """#!/bin/sh
echo "apt-get $*" >>"$MACHINE/calls"
case "$*" in
  *install*postgis*) touch "$MACHINE/has-postgis" ;;
  *install*libatomic1*) touch "$MACHINE/has-libatomic" ;;
  *install*venv*) touch "$MACHINE/has-venv" ;;
  *install*chromium*) cp "$MACHINE/bin/uname" "$MACHINE/bin/chromium" ;;
esac
"""


class Machine:
    """A folder that pretends to be a machine: nothing but the named tools and the project's set-up files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.project = folder / "project"
        (self.project / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("requirements.lock", "pyproject.toml", "scripts/setup"):
            shutil.copy(PROJECT / name, self.project / name)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.install("python3", PYTHON)
        self.install("uname", "#!/bin/sh\necho Linux\n")
        self.install("id", "#!/bin/sh\necho 0\n")
        self.install("dpkg-query", "#!/bin/sh\necho 'install ok installed'\n")
        self.has("has-venv")

    def install(self, name: str, script: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def has(self, what: str) -> None:
        (self.folder / what).touch()

    def set_up(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Run the set-up; give its exit status, what it said, and the calls that install something."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        done = subprocess.run(
            [self.project / "scripts" / "setup", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
            env={"PATH": str(self.bin), "MACHINE": str(self.folder), "HOME": str(self.folder)},
        )  # fmt: skip
        made = calls.read_text().splitlines() if calls.exists() else []
        return done.returncode, done.stderr, [call for call in made if re.search(r"install|-m venv|update", call)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_fresh_debian_gets_everything_once(machine):
    machine.install("apt-get", APT)
    (machine.folder / "has-venv").unlink()
    status, said, calls = machine.set_up()
    assert status == 0, said
    assert [c for c in calls if "apt-get install" in c and "python3.11-venv" in c]
    assert [c for c in calls if "apt-get install" in c and "postgresql-postgis" in c]
    assert [c for c in calls if "--require-hashes" in c and "-r requirements.lock" in c]
    assert sum("apt-get update" in c for c in calls) == 1
    assert machine.set_up() == (0, "", [])


def test_the_tests_need_a_browser(machine):
    machine.install("apt-get", APT)
    machine.has("has-postgis")
    assert not any("chromium" in call for call in machine.set_up()[2])
    status, said, calls = machine.set_up("--test")
    assert status == 0, said
    assert any("libatomic1" in call for call in calls)
    assert any("chromium" in call for call in calls)


def test_where_debian_is_not_playwright_brings_the_browser(machine):
    machine.has("has-postgis")
    machine.has("has-libatomic")
    machine.install("sed", "#!/bin/sh\necho ubuntu\n")
    fonts = machine.folder / ".local" / "share" / "fonts"
    fonts.mkdir(parents=True)
    (fonts / "NotoSansCJK.ttc").touch()
    status, said, calls = machine.set_up("--test")
    assert status == 0, said
    assert any("playwright install chromium" in call for call in calls)
    browser = machine.project / ".venv" / "bin" / "chromium"
    assert (
        subprocess.run([browser, "--version"], capture_output=True, text=True, check=True).stdout
        == "pretended --version\n"
    )
    assert not any("playwright" in call for call in machine.set_up("--test")[2])


def test_a_set_up_that_was_cut_short_runs_again(machine):
    machine.has("has-postgis")
    machine.has("no-network")
    assert machine.set_up()[0] != 0
    (machine.folder / "no-network").unlink()
    status, _, calls = machine.set_up()
    assert status == 0
    assert any("--require-hashes" in call for call in calls)


def test_a_changed_lock_is_installed(machine):
    machine.has("has-postgis")
    machine.set_up()
    with (machine.project / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert any("--require-hashes" in call for call in machine.set_up()[2])


def test_without_rights_the_command_is_named(machine):
    machine.install("apt-get", APT)
    machine.install("id", "#!/bin/sh\necho 1000\n")
    status, said, calls = machine.set_up()
    assert status != 0
    assert "apt-get install postgresql-postgis" in said
    assert not any("apt-get" in call for call in calls)


def test_with_sudo_it_installs(machine):
    machine.install("apt-get", APT)
    machine.install("id", "#!/bin/sh\necho 1000\n")
    machine.install(
        "sudo", '#!/bin/sh\necho "sudo $*" >>"$MACHINE/calls"\n[ "$1" = -n ] && shift\n[ "$1" = true ] || "$@"\n'
    )
    status, said, calls = machine.set_up()
    assert status == 0, said
    assert any(call.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get install") for call in calls)


def test_on_macos_the_command_is_named(machine):
    machine.install("uname", "#!/bin/sh\necho Darwin\n")
    status, said, _ = machine.set_up()
    assert status != 0
    assert "brew install postgresql@17 postgis" in said


def test_an_old_python_is_named(machine):
    machine.has("old-python")
    status, said, _ = machine.set_up()
    assert status != 0
    assert "Python 3.11" in said


def test_no_host_of_a_registry_is_named():
    files = [
        PROJECT / "Makefile",
        PROJECT / "requirements.lock",
        *(PROJECT / "scripts").iterdir(),
        PROJECT / ".ci" / "run",
    ]
    for file in files:
        assert "://" not in re.sub(r"https?://127\.0\.0\.1\S*", "", file.read_text()), file
