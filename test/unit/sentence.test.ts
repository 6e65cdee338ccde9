import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { english, isSentence, sentence, translated } from "../../extension/protocol/sentence.ts";

test("a sentence in English is its text with the values in their places", () => {
  assert.equal(english(sentence("a lock file")), "a lock file");
  assert.equal(english(sentence("`{0}` in {1}, {0} again", "*.log", 3)), "`*.log` in 3, *.log again");
});

test("values are taken as they are, and a place without a value stays", () => {
  assert.equal(english(sentence("{0} and {1}", "{1}", "$&")), "{1} and $&");
  assert.equal(english(sentence("{0} of {1}", 7)), "7 of {1}");
});

test("a sentence that is translated may put its values in another order; one that is not stays English", () => {
  const texts = { "{0} of {1}": "von {1} sind es {0}" };
  assert.equal(translated(sentence("{0} of {1}", 3, "ten"), texts), "von ten sind es 3");
  assert.equal(translated(sentence("{0} left", 3), texts), "3 left");
});

test("a sentence is known as one after it has crossed a boundary, and nothing else is", () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.oneof(fc.string(), fc.integer())), (text, values) => {
      assert.ok(isSentence(JSON.parse(JSON.stringify(sentence(text, ...values)))));
    }),
  );
  const piece = { text: "code", values: [], share: "pinned" };
  for (const other of [null, "text", [], { text: "code" }, { text: 1, values: [] }, piece])
    assert.ok(!isSentence(other));
});
