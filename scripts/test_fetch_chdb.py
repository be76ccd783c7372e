"""fetch_chdb.py against a small registry on this machine.

Run with: python3 -m unittest discover scripts
"""

import base64
import contextlib
import hashlib
import http.server
import io
import os
import sys
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fetch
import fetch_chdb

LIBRARY = os.urandom(300_000)


def packed(data: bytes, name: str = "package/libchdb.so") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for member, content in (("package/index.js", b"x"), (name, data)):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def package(archive: bytes, data: bytes) -> fetch_chdb.Package:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    return fetch_chdb.Package("@some/lib", len(archive), integrity, fetch.Content(len(data), hashlib.sha256(data).hexdigest()))


class Registry(http.server.BaseHTTPRequestHandler):
    """Serves one archive, with ranges; breaks off after so many bytes as long as it is told to."""

    archive = b""
    break_after: list = []
    asked: list = []
    status = 200

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Range")))
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        body = self.archive[start:]
        self.send_response(self.status if self.status != 200 else 206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.status == 200:
            self.wfile.write(body[: self.break_after.pop()] if self.break_after else body)

    def log_message(self, *_):
        pass


class FetchChdb(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.runtime = Path(place.name) / "runtime"
        self.library = self.runtime / "chdb" / "libchdb.so"
        Registry.archive, Registry.break_after, Registry.asked, Registry.status = packed(LIBRARY), [], [], 200
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        pinned = package(Registry.archive, LIBRARY)
        settings = {"NPM_CONFIG_REGISTRY": f"http://127.0.0.1:{server.server_port}/", "no_proxy": "127.0.0.1"}
        for patch in (
            mock.patch.dict(os.environ, settings),
            mock.patch.dict(fetch_chdb.PACKAGES, {"x86_64": pinned, "aarch64": pinned}),
            mock.patch.object(fetch_chdb, "PAUSE_SEC", 0),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def run_it(self, *arguments: str):
        said = io.StringIO()
        Registry.asked.clear()
        with contextlib.redirect_stderr(said):
            status = fetch_chdb.main(["--runtime-dir", str(self.runtime), *arguments])
        return status, said.getvalue()

    def test_the_first_run_brings_the_library_and_the_second_nothing(self):
        self.assertEqual(self.run_it()[0], 0)
        self.assertEqual(self.library.read_bytes(), LIBRARY)
        self.assertEqual([path for path, _ in Registry.asked], ["/@some/lib/-/lib-26.5.3.tgz"])
        status, said = self.run_it()
        self.assertEqual((status, Registry.asked), (0, []))
        self.assertIn("already here", said)
        self.assertFalse((self.runtime / "chdb" / ".build").exists())

    def test_a_truncated_or_changed_library_is_brought_again(self):
        self.run_it()
        for damaged in (LIBRARY[:-1], LIBRARY[:-1] + bytes([LIBRARY[-1] ^ 1])):
            self.library.write_bytes(damaged)
            self.assertEqual(self.run_it()[0], 0)
            self.assertEqual(self.library.read_bytes(), LIBRARY)

    def test_a_download_that_breaks_off_is_taken_up_where_it_broke(self):
        Registry.break_after = [1000]
        status, _ = self.run_it()
        self.assertEqual(status, 0)
        self.assertEqual([given for _, given in Registry.asked], [None, "bytes=1000-"])
        self.assertEqual(self.library.read_bytes(), LIBRARY)

    def test_an_archive_with_other_bytes_is_refused_and_nothing_is_replaced(self):
        self.run_it()
        self.library.write_bytes(b"old")
        Registry.archive = packed(LIBRARY[::-1])[: len(Registry.archive)].ljust(len(Registry.archive), b"x")
        status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("checksum mismatch", said)
        self.assertEqual(self.library.read_bytes(), b"old")

    def test_an_archive_without_the_library_is_said(self):
        Registry.archive = packed(LIBRARY, "package/other.so")
        pinned = package(Registry.archive, LIBRARY)
        with mock.patch.dict(fetch_chdb.PACKAGES, {"x86_64": pinned, "aarch64": pinned}):
            status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("does not give libchdb.so: missing", said)

    def test_a_registry_that_lacks_the_package_or_does_not_answer_is_said_with_advice(self):
        Registry.status = 404
        status, said = self.run_it()
        self.assertEqual((status, len(Registry.asked)), (1, 1), "no use in asking again")
        self.assertIn("answers 404", said)
        with mock.patch.dict(os.environ, {"NPM_CONFIG_REGISTRY": "http://127.0.0.1:1"}):
            status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("HTTPS_PROXY", said)

    def test_check_changes_nothing_and_says_what_is_missing(self):
        status, said = self.run_it("--check")
        self.assertEqual((status, Registry.asked), (1, []))
        self.assertIn("is not complete", said)
        self.assertFalse(self.library.exists())

    def test_a_full_disk_is_said_before_anything_is_downloaded(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            status, said = self.run_it()
        self.assertEqual((status, Registry.asked), (1, []))
        self.assertIn("Make room", said)

    def test_a_machine_without_a_package_goes_on_without_it(self):
        with mock.patch.dict(fetch_chdb.PACKAGES, clear=True):
            status, said = self.run_it()
        self.assertEqual((status, Registry.asked), (0, []))
        self.assertIn("without the warehouse in process", said)


if __name__ == "__main__":
    unittest.main()
