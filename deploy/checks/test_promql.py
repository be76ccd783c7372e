import unittest
from unittest.mock import patch

from .promql import exported, metrics_in, unknown


class MetricsIn(unittest.TestCase):
    def test_a_selector_with_matchers_and_a_range(self):
        self.assertEqual(metrics_in('sum by (le, path) (rate(decide_total{job="x",path=~"a|b{2}"}[5m]))'), {"decide_total"})

    def test_histograms_count_by_their_own_name(self):
        self.assertEqual(metrics_in("rate(wait_seconds_bucket[1m]) / rate(wait_seconds_count[1m])"), {"wait_seconds"})

    def test_words_functions_labels_and_numbers_are_no_metrics(self):
        found = metrics_in('a_total > 2e3 and on (le) group_left (pod) b_total offset 1d or vector(0) unless absent(up{x="and"})')
        self.assertEqual(found, {"a_total", "b_total", "up"})

    def test_recorded_names_have_colons(self):
        self.assertEqual(metrics_in("1 - slo:x:ratio_rate5m / 0.001"), {"slo:x:ratio_rate5m"})


class Unknown(unittest.TestCase):
    def test_what_nobody_exports_is_named(self):
        there = exported("# HELP a_total x\n# TYPE a_total counter\na_total 1\n")
        with patch("checks.promql.awaited", return_value={"c_total"}):
            self.assertEqual(unknown("a_total + b_total + node_load1 + slo:x + c_total", there), {"b_total"})


if __name__ == "__main__":
    unittest.main()
