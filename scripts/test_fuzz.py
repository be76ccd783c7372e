"""fuzz.py without a compiler.

Run with: python3 -m unittest discover scripts
"""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fuzz

GOOD = "#2\tINITED cov: 10 ft: 11\n#4096\tpulse cov: 99 ft: 120\nDone 5000 runs in 60 second(s)\nstat::number_of_executed_units: 5000\n"
BROKEN = "#2\tINITED cov: 10 ft: 11\n==7== ERROR: libFuzzer: deadly signal\nTest unit written to /a/crash-0a1b\n"


class Fuzz(unittest.TestCase):
    def test_executions_and_coverage_are_read_from_the_log(self):
        outcome = fuzz.read("journal", 0, 60.0, GOOD, Path("log"))
        self.assertEqual((outcome.executions, outcome.coverage, outcome.crashes), (5_000, 99, []))
        self.assertRegex(outcome.line(), r"^journal +5,000 executions .* 0 crashes$")

    def test_a_crash_is_named_with_its_input_and_counted(self):
        outcome = fuzz.read("journal", 77, 1.0, BROKEN, Path("log"))
        self.assertEqual(outcome.crashes, ["/a/crash-0a1b"])
        self.assertRegex(outcome.line(), r" 1 crashes$")

    def test_a_target_that_ends_badly_without_a_word_has_crashed(self):
        self.assertTrue(fuzz.read("journal", -9, 1.0, "", Path("log")).crashes)

    def test_every_target_is_built_and_the_known_seeds_are_there(self):
        manifest = (fuzz.FUZZ / "Cargo.toml").read_text()
        self.assertEqual(sorted(re.findall(r'path = "fuzz_targets/(\w+)\.rs"', manifest)), fuzz.targets())
        for target, patterns in fuzz.KNOWN.items():
            self.assertIn(target, fuzz.targets())
            for pattern in patterns:
                self.assertTrue(list(fuzz.REPOSITORY.glob(pattern)), pattern)

    def test_every_folder_of_seeds_is_of_a_target(self):
        for folder in (fuzz.FUZZ / "seeds").iterdir():
            self.assertIn(folder.name, fuzz.targets())


if __name__ == "__main__":
    unittest.main()
