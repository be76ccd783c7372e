import unittest

from .runbooks import Block, blocks_of, curl_flaw

DOCUMENT = {"paths": {"/v1/entries": {"delete": {}}, "/v1/strategies/{name}": {"get": {}}}}


class Blocks(unittest.TestCase):
    def test_blocks_are_told_apart_and_lose_their_indent(self):
        text = "a\n```sh\none\n```\n- b\n  ```sh by-hand\n  two\n  ```\n```json\nthree\n```\n"
        self.assertEqual(blocks_of("p", text), [Block("p", "sh", False, ("one",)), Block("p", "sh", True, ("two",))])


class Calls(unittest.TestCase):
    def test_a_call_that_exists(self):
        self.assertIsNone(curl_flaw(["curl", "$INSTINCT/v1/strategies/x"], DOCUMENT))

    def test_the_method_counts(self):
        self.assertIn("no GET /v1/entries", curl_flaw(["curl", "$INSTINCT/v1/entries"], DOCUMENT))

    def test_a_body_must_be_json(self):
        self.assertIn("no JSON", curl_flaw(["curl", "-X", "DELETE", "$INSTINCT/v1/entries", "-d", "{tags}"], DOCUMENT))


if __name__ == "__main__":
    unittest.main()
