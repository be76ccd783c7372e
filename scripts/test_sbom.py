"""sbom.py without a network and without cargo.

Run with: python3 -m unittest discover scripts
"""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sbom

BILL = {
    "metadata": {"component": {"bom-ref": "service"}},
    "components": [{"bom-ref": "crate"}],
    "dependencies": [{"ref": "service", "dependsOn": ["crate"]}, {"ref": "crate"}],
}


class Sbom(unittest.TestCase):
    def test_every_part_has_a_licence_a_checksum_and_a_name_of_its_own(self):
        parts = [*sbom.scripts(), *sbom.fetched()]
        names = {part["name"] for part in parts}
        self.assertLessEqual({"preact", "uplot", "echarts", "onnxruntime", "@chdb/lib-linux-x64-gnu"}, names)
        self.assertEqual(len({part["bom-ref"] for part in parts}), len(parts))
        for part in parts:
            self.assertTrue(part["licenses"][0]["license"]["id"], part)
            self.assertRegex(part["hashes"][0]["content"], r"^[0-9a-f]{64,128}$")

    def test_the_charts_of_an_evaluation_are_those_that_its_readme_names(self):
        told = (sbom.ECHARTS.parent / "README.md").read_text()
        part = next(part for part in sbom.scripts() if part["name"] == "echarts")
        self.assertIn(part["hashes"][0]["content"], told)
        self.assertTrue(re.search(rf"`echarts` {re.escape(part['version'])}", told))

    def test_the_service_depends_on_all_parts(self):
        whole = sbom.whole(BILL, [sbom.component("library", "x", "1", "MIT", {})])
        self.assertEqual([part["bom-ref"] for part in whole["components"]], ["crate", "pkg:generic/x@1"])
        self.assertEqual(whole["dependencies"][0], {"ref": "service", "dependsOn": ["crate", "pkg:generic/x@1"]})
        self.assertIn({"ref": "pkg:generic/x@1"}, whole["dependencies"])


if __name__ == "__main__":
    unittest.main()
