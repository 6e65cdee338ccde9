import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RecentMap } from "../../extension/base/recentMap.ts";
import { stemWord } from "../../extension/pipeline/stem.ts";
import { countOf, packBags, PackedBags, stemHash, WordBagger } from "../../extension/pipeline/wordBags.ts";
import { makeUnit } from "../support/memoryUnits.ts";

const unit = makeUnit({
  path: "a/b/c/network/retry.ts",
  name: "withRetries",
  doc: "Tries a request again.",
  text: "function withRetries(request) {\n  return retry(request, retry);\n}",
});
const count = (word: string) => countOf(new WordBagger().bagOf(unit), stemHash(stemWord(word)));

suite("the words of a unit", () => {
  test("count by field, all forms of a word together", () => {
    // Two in the text's last line, one in the name `withRetries` of the text; three for the name; two for the path.
    assert.equal(count("retries"), 3 + 3 + 2);
    assert.equal(count("requests"), 3 - 1 + 1.5);
    assert.equal(count("network"), 2);
    assert.equal(count("absent"), 0);
  });

  test("leave out the outer folders of the path", () => {
    assert.equal(count("a"), 1.5, "only the documentation's");
  });

  test("come back as they were packed", () => {
    const bagger = new WordBagger();
    const empty = makeUnit({ path: "", name: "", text: "" });
    const bags = [unit, empty, makeUnit({ path: "x.ts", name: "größe", text: "größe = 名前 // 😀" })].map((each) =>
      bagger.bagOf(each),
    );
    const packed = new PackedBags(packBags(bags));
    assert.deepEqual(
      bags.map((_, number) => packed.bag(number)),
      bags,
    );
    assert.deepEqual(packed.bag(3), { stems: new Uint32Array(), halves: new Uint16Array(), length: 0 });
  });

  test("are refused when cut short", () => {
    const bytes = packBags([new WordBagger().bagOf(unit)]);
    for (const length of [0, 3, 8, bytes.length - 1]) {
      assert.throws(() => new PackedBags(bytes.subarray(0, length)), RangeError);
    }
  });
});

test("a map of recent entries forgets what was not asked for longest", () => {
  const map = new RecentMap<string, number | null>(2);
  const made: string[] = [];
  const ask = (key: string) =>
    map.of(key, () => {
      made.push(key);
      return null;
    });
  for (const key of ["a", "b", "a", "c", "a", "b"]) ask(key);
  assert.deepEqual(made, ["a", "b", "c", "b"]);
  map.clear();
  ask("a");
  assert.deepEqual(made, ["a", "b", "c", "b", "a"]);
});
