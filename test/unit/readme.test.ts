import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

const root = path.resolve(import.meta.dirname, "../..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");

test("every file that a document at the top links to exists", () => {
  for (const document of ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]) {
    const text = readFileSync(path.join(root, document), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!\w+:)([^)#]+)/g)) {
      assert.ok(existsSync(path.join(root, target)), `${document} links to ${target}`);
    }
  }
});

test("every npm script that the README names exists", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const named = [...readme.matchAll(/npm (?:run )?(start|test|[\w:]+)(?= )/g)].map(([, name = ""]) => name);
  for (const name of named.filter((name) => name !== "ci")) assert.ok(Object.hasOwn(scripts, name), name);
  assert.ok(named.length > 3);
});
