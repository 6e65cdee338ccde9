import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { isLaterPart, namesOfModel, safeModelName } from "../../extension/models/fileNames.ts";

test("a name from a server stays a name", () => {
  const cases: Readonly<Record<string, string>> = {
    "model.gguf": "model.gguf",
    "Model-Q4_K_M.GGUF": "Model-Q4_K_M.gguf",
    "../../etc/passwd": "passwd.gguf",
    "..\\..\\windows\\system.ini": "system.ini.gguf",
    "..": "model.gguf",
    "": "model.gguf",
    ".hidden.gguf": "hidden.gguf",
    "con.gguf": "modelcon.gguf",
    'a<b>:"|?*.gguf': "ab.gguf",
    "tab\tnul\0.gguf": "tabnul.gguf",
    "evil\u202efugg.gguf": "evilfugg.gguf",
    "trailing. .gguf": "trailing.gguf",
    "big-00002-of-00003.gguf": "big-00002-of-00003.gguf",
  };
  for (const [name, safe] of Object.entries(cases)) assert.equal(safeModelName(name), safe, JSON.stringify(name));
  assert.ok(safeModelName("x".repeat(5000)).length < 200);
  for (const name of Object.keys(cases)) {
    assert.equal(path.win32.basename(safeModelName(name)), safeModelName(name));
    assert.equal(path.posix.basename(safeModelName(name)), safeModelName(name));
  }
});

test("a split model is all of its parts, known by the first", () => {
  assert.deepEqual(namesOfModel("a.gguf"), ["a.gguf"]);
  assert.deepEqual(namesOfModel("a-00001-of-00002.gguf"), ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"]);
  assert.ok(isLaterPart("a-00002-of-00002.gguf"));
  assert.ok(!isLaterPart("a-00001-of-00002.gguf"));
  assert.ok(!isLaterPart("a.gguf"));
});
