import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PrefixTrie } from "../../extension/base/prefixTrie.ts";

test("the longest key that a text begins with is found, with what the text has beyond it", () => {
  const trie = new PrefixTrie<number>(10);
  trie.set("", 0);
  trie.set("ab", 1);
  trie.set("abcd", 2);
  trie.set("abxy", 3);
  assert.deepEqual(found(trie, "abcdef"), [2, "ef"]);
  assert.deepEqual(found(trie, "abc"), [1, "c"]);
  assert.deepEqual(found(trie, "abxy"), [3, ""]);
  assert.deepEqual(found(trie, "q"), [0, "q"]);
});

test("where the longest key's value is not taken, a shorter key's is", () => {
  const trie = new PrefixTrie<number>(10);
  trie.set("a", 1);
  trie.set("ab", 2);
  assert.equal(
    trie.find("abc", (value) => (value === 1 ? value : null)),
    1,
  );
  assert.equal(
    trie.find("abc", () => null),
    null,
  );
});

test("the key that was not used longest goes first, and finding counts as use", () => {
  const trie = new PrefixTrie<number>(2);
  trie.set("a", 1);
  trie.set("b", 2);
  assert.deepEqual(found(trie, "a"), [1, ""]);
  trie.set("c", 3);
  assert.equal(found(trie, "b"), null);
  assert.deepEqual(found(trie, "a"), [1, ""]);
  assert.equal(trie.size, 2);
});

test("it finds what a plain list of keys would, whatever is set, found and forgotten", () => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", "\ud83d", "\ude00"), maxLength: 6 });
  const step = fc.record({ key, isFind: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (limit, steps) => {
      const trie = new PrefixTrie<number>(limit);
      let list: { key: string; value: number }[] = [];
      for (const [value, { key: text, isFind }] of steps.entries()) {
        if (isFind) {
          const best = list
            .filter((entry) => text.startsWith(entry.key))
            .sort((a, b) => b.key.length - a.key.length)[0];
          assert.deepEqual(found(trie, text), best === undefined ? null : [best.value, text.slice(best.key.length)]);
          if (best !== undefined) list = [...list.filter((entry) => entry !== best), best];
        } else {
          trie.set(text, value);
          list = [...list.filter((entry) => entry.key !== text), { key: text, value }].slice(-limit);
        }
        assert.equal(trie.size, list.length);
      }
    }),
  );
});

test("nothing is left after clearing", () => {
  const trie = new PrefixTrie<number>(3);
  trie.set("a", 1);
  trie.set("", 2);
  trie.clear();
  assert.equal(found(trie, "a"), null);
  assert.equal(trie.size, 0);
});

function found(trie: PrefixTrie<number>, text: string): [number, string] | null {
  return trie.find(text, (value, rest) => [value, rest]);
}
