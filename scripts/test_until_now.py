"""What `make run` loads ends where the clock stands, and is otherwise what is in the repository."""

import datetime as dt
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "sample_datasets"))
import until_now  # noqa: E402


def days(path: Path) -> list[str]:
    return ["-".join(found) for found in until_now.DAY.findall(path.read_text(encoding="utf-8"))]


class UntilNow(unittest.TestCase):
    def copied(self, now: dt.date) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        until_now.copy(Path(folder.name), now)
        return Path(folder.name)

    def test_simulated_sets_end_in_the_days_before_and_keep_all_else(self):
        now = dt.date(2028, 3, 1)
        out = self.copied(now)
        self.assertEqual({path.name for path in out.iterdir()}, {path.name for path in until_now.FOLDER.glob("*.csv*")})
        for path in out.glob("*.csv"):
            own, moved = days(until_now.FOLDER / path.name), days(path)
            self.assertEqual(len(own), len(moved))
            if path.name in until_now.AS_THEY_ARE or not own:
                self.assertEqual(path.read_bytes(), (until_now.FOLDER / path.name).read_bytes(), path.name)
            elif path.name in until_now.MONTHLY:
                self.assertEqual(max(moved), "2028-02-01", path.name)
            else:
                gap = now - dt.date.fromisoformat(max(moved))
                self.assertEqual(gap, until_now.END - dt.date.fromisoformat(max(own)), path.name)
                # An affiliate may have begun weeks before the end.
                self.assertLessEqual(gap.days, 31, path.name)
                self.assertLess(max(moved), now.isoformat(), path.name)

    def test_a_clock_before_the_end_of_the_data_moves_nothing(self):
        out = self.copied(dt.date(2026, 10, 1))
        for path in out.iterdir():
            self.assertEqual(path.read_bytes(), (until_now.FOLDER / path.name).read_bytes(), path.name)

    def test_months_roll_over_the_year(self):
        self.assertEqual(until_now.by_months("2026-10-01T00:00:00Z,1", dt.date(2027, 2, 9)), "2027-01-01T00:00:00Z,1")


if __name__ == "__main__":
    unittest.main()
