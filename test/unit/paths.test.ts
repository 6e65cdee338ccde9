/** Paths of every machine that VS Code runs on, by the rules of that machine. */
import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import { describe, test } from "node:test";
import { pathBelow } from "../../extension/base/pathBelow.ts";
import { parsePlace } from "../../extension/cli/completeCommand.ts";
import { relativePath } from "../../extension/host/relativePath.ts";
import { findCitations } from "../../extension/pipeline/cite.ts";

const deep = Array.from({ length: 40 }, (_, level) => `folder${level}`);

describe("a path below a folder", () => {
  for (const [name, folder, file, below] of [
    ["with drive letters", "C:\\work\\beds", "C:\\work\\beds\\src\\plan.ts", "src/plan.ts"],
    ["whose drive letters differ in case", "C:\\work\\beds", "c:\\work\\beds\\src\\plan.ts", "src/plan.ts"],
    ["whose folders differ in case", "c:\\Work\\Beds", "c:\\work\\beds\\Src\\Plan.ts", "Src/Plan.ts"],
    ["on the drive itself", "C:\\", "C:\\src\\plan.ts", "src/plan.ts"],
    ["on a share", "\\\\server\\share\\beds", "\\\\server\\share\\beds\\src\\plan.ts", "src/plan.ts"],
    ["in WSL's file system", "\\\\wsl.localhost\\Ubuntu\\beds", "\\\\wsl.localhost\\Ubuntu\\beds\\a.ts", "a.ts"],
    ["in the long form", "\\\\?\\C:\\work\\beds", "C:\\work\\beds\\plan.ts", "plan.ts"],
    ["on a share in the long form", "\\\\server\\share\\beds", "\\\\?\\UNC\\server\\share\\beds\\plan.ts", "plan.ts"],
    ["with either separator", "C:/work/beds", "C:\\work\\beds/src\\plan.ts", "src/plan.ts"],
    ["beyond 260 characters", "C:\\beds", ["C:\\beds", ...deep].join("\\"), deep.join("/")],
    ["that begins with dots", "C:\\beds", "C:\\beds\\..old\\plan.ts", "..old/plan.ts"],
  ] as const) {
    test(`is found on Windows ${name}`, () => {
      assert.equal(pathBelow(folder, file, win32), below);
    });
  }

  for (const [name, folder, file] of [
    ["of another drive", "C:\\work", "D:\\work\\plan.ts"],
    ["of another share", "\\\\server\\beds", "\\\\server\\valves\\plan.ts"],
    ["of a folder whose name begins alike", "C:\\work\\beds", "C:\\work\\beds2\\plan.ts"],
    ["that is the folder", "C:\\work\\beds", "c:\\work\\beds\\"],
    ["above it", "C:\\work\\beds", "C:\\work\\plan.ts"],
    ["that leads out of it", "C:\\work\\beds", "C:\\work\\beds\\..\\plan.ts"],
  ] as const) {
    test(`is not one on Windows ${name}`, () => {
      assert.equal(pathBelow(folder, file, win32), null);
    });
  }

  test("keeps what Windows would take for a separator where file names may have it", () => {
    assert.equal(pathBelow("/work/beds", "/work/beds/src/a\\b.ts", posix), "src/a\\b.ts");
    assert.equal(pathBelow("/work/beds", "/work/beds/..old/plan.ts", posix), "..old/plan.ts");
    assert.equal(pathBelow("/work/Beds", "/work/beds/plan.ts", posix), null);
    assert.equal(pathBelow("/work/beds", "/work/plan.ts", posix), null);
  });
});

test("only files on a disk have a path, as the extension sees them where it runs", () => {
  const file = { scheme: "file", fsPath: "/work/beds/plan.ts" };
  assert.equal(relativePath("/work/beds", file, posix), "plan.ts");
  for (const scheme of ["untitled", "vscode-remote", "vscode-vfs", "git", "vscode-notebook-cell"]) {
    assert.equal(relativePath("/work/beds", { ...file, scheme }, posix), null, scheme);
  }
  assert.equal(relativePath("c:\\beds", { scheme: "file", fsPath: "c:\\beds\\src\\a.ts" }, win32), "src/a.ts");
});

test("an answer may cite a file with Windows' separators", () => {
  const known = new Set(["src/schedule/plan.ts"]);
  const cited = findCitations(
    "See src\\schedule\\plan.ts:10-27 and `.\\src\\schedule\\plan.ts`.",
    (path, startLine, endLine) => (known.has(path) ? { path, startLine, endLine } : null),
  );
  assert.deepEqual(
    cited.map(({ path, startLine, resolved }) => [path, startLine, resolved]),
    [
      ["src/schedule/plan.ts", 10, true],
      ["src/schedule/plan.ts", 0, true],
    ],
  );
});

test("a place in the terminal may begin with a drive letter", () => {
  assert.deepEqual(parsePlace("C:\\work\\plan.ts:12:3"), { file: "C:\\work\\plan.ts", line: 12, column: 3 });
  assert.equal(parsePlace("C:\\work\\plan.ts"), null);
});
