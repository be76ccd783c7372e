"""fetch_warehouses.py without a network and with stand-ins for apt.

Run with: python3 -m unittest discover scripts
"""

import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fetch_warehouses

# Each stand-in writes down what it was asked. A package is a text of the paths that it unpacks to.
APT_GET = """#!/bin/sh
echo "apt-get $*" >> "$LOG"
[ "$1" = download ] || exit 0
shift 2
for package in "$@"; do
    case $package in
        postgresql-15) printf 'usr/lib/postgresql/15/bin/postgres\\nusr/lib/postgresql/15/bin/initdb\\n' > $package.deb ;;
        mariadb-server-core) printf 'usr/sbin/mariadbd\\nusr/share/doc/mariadb\\n' > $package.deb ;;
        *) printf "usr/lib/x86_64-linux-gnu/$package.so.1\\n" > $package.deb ;;
    esac
done
"""
APT_CACHE = """#!/bin/sh
if [ "$1" = policy ]; then
    [ -e "$KNOWN" ] || exit 0
    case $2 in postgresql-1[678]|postgresql-14) echo "  Candidate: (none)" ;; *) echo "  Candidate: 1" ;; esac
else
    case "$*" in *postgresql-15*|*mariadb*) printf 'x\\n  Depends: libc6\\n  Depends: libneeded1\\n' ;; esac
fi
"""
DPKG_DEB = """#!/bin/sh
while read -r path; do
    mkdir -p "$3/$(dirname "$path")"
    printf '#!/bin/sh\\n' > "$3/$path"
    chmod +x "$3/$path"
done < "$2"
"""
# A library is missing until a package that has it was unpacked.
LDD = """#!/bin/sh
[ -e "$NEEDS" ] || exit 0
case $LD_LIBRARY_PATH in *linux-gnu*) ;; *) printf '\\tlibneeded.so.1 => not found\\n' ;; esac
"""
STAND_INS = {"apt-get": APT_GET, "apt-cache": APT_CACHE, "dpkg-deb": DPKG_DEB, "dpkg-query": "#!/bin/sh\n", "ldd": LDD}


class FetchWarehouses(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        root = Path(place.name)
        self.runtime, self.log, self.known, self.needs = root / "runtime", root / "log", root / "known", root / "needs"
        self.folder = self.runtime / "warehouses"
        self.programs = root / "programs"
        self.programs.mkdir()
        self.known.touch()
        for name, script in STAND_INS.items():
            (self.programs / name).write_text(script)
            (self.programs / name).chmod(0o755)
        asked = {"PATH": f"{self.programs}:/usr/bin:/bin", "LOG": str(self.log), "KNOWN": str(self.known), "NEEDS": str(self.needs)}
        for patch in [mock.patch.dict(os.environ, asked), mock.patch("os.geteuid", return_value=1000)]:
            patch.start()
            self.addCleanup(patch.stop)

    def run_it(self, *arguments: str):
        said = io.StringIO()
        self.log.write_text("")
        with contextlib.redirect_stderr(said):
            status = fetch_warehouses.main(["--runtime-dir", str(self.runtime), *arguments])
        return status, said.getvalue(), self.log.read_text()

    def test_the_first_run_brings_both_servers_and_the_second_nothing(self):
        status, said, asked = self.run_it()
        self.assertEqual(status, 0, said)
        self.assertEqual(asked.count("download"), 2)
        self.assertNotIn("install", asked)
        for path in ("postgres/bin/postgres", "postgres/bin/initdb", "mariadb/bin/mariadbd"):
            self.assertTrue(os.access(self.folder / path, os.X_OK), path)
        self.assertFalse((self.folder / "mariadb/usr/share/doc").exists())
        status, said, asked = self.run_it()
        self.assertEqual((status, asked), (0, ""))
        self.assertIn("already here", said)

    def test_a_program_that_was_changed_is_brought_again_and_the_other_server_is_left_alone(self):
        self.run_it()
        (self.folder / "mariadb/bin/mariadbd").write_text("changed")
        status, _, asked = self.run_it()
        self.assertEqual((status, asked.count("download")), (0, 1))
        self.assertIn("mariadb", asked)

    def test_libraries_that_the_machine_lacks_are_unpacked_beside_the_server(self):
        self.needs.touch()
        status, said, asked = self.run_it()
        self.assertEqual(status, 0, said)
        self.assertIn("libneeded1", asked)
        self.assertTrue((self.folder / "mariadb/usr/lib/x86_64-linux-gnu/libneeded1.so.1").exists())

    def test_a_machine_whose_lists_know_no_server_is_told_what_to_do(self):
        self.known.unlink()
        status, said, asked = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("apt-get update", said)
        self.assertNotIn("update", asked, "only root may")
        with mock.patch("os.geteuid", return_value=0):
            self.assertIn("update", self.run_it()[2])

    def test_check_changes_nothing_and_says_what_is_missing(self):
        status, said, asked = self.run_it("--check")
        self.assertEqual((status, asked), (1, ""))
        self.assertIn("is not complete", said)
        self.assertFalse(self.folder.exists())

    def test_a_full_disk_is_said_before_anything_is_downloaded(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            status, said, _ = self.run_it()
        self.assertEqual(status, 1)
        self.assertIn("Make room", said)


if __name__ == "__main__":
    unittest.main()
