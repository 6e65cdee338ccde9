import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { expandBraces } from "../../extension/engine/ignoreRules.ts";
import { isSecretPath } from "../../extension/engine/secrets.ts";
import { decodeText, skipByText } from "../../extension/engine/skip.ts";
import { Workspace } from "../../extension/engine/workspace.ts";
import type { WalkEntry, WorkspaceOptions } from "../../extension/engine/workspace.ts";
import { Failure } from "../../extension/protocol/failure.ts";

const grammars: Readonly<Record<string, string>> = {
  ts: "typescript",
  py: "python",
  go: "go",
  js: "javascript",
  sh: "bash",
  cs: "csharp",
};
const grammarOf = (path: string): string | null => grammars[path.slice(path.lastIndexOf(".") + 1)] ?? null;
const code = "export const answer = 42;\n";
const never = new AbortController().signal;

/** A folder with these files, gone after the test. */
async function folderOf(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "precis-workspace-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

function openAt(folder: string, options: Partial<WorkspaceOptions> = {}): Promise<Workspace> {
  return Workspace.open({ folder, excludeGlobs: [], ignoreGlobs: [], maxFileBytes: 1 << 20, grammarOf, ...options });
}

/** Paths found, and the reason for each path skipped. */
type Walked = { readonly files: string[]; readonly skipped: Record<string, string> };

async function collect(entries: AsyncIterable<WalkEntry>): Promise<Walked> {
  const walked: Walked = { files: [], skipped: {} };
  for await (const entry of entries) {
    if (entry.kind === "file") walked.files.push(entry.file.path);
    else {
      assert.notEqual(entry.skipped.detail.text, "");
      walked.skipped[entry.skipped.path] = entry.skipped.reason;
    }
  }
  return walked;
}

async function walk(folder: string, options: Partial<WorkspaceOptions> = {}): Promise<Walked> {
  return collect((await openAt(folder, options)).walk(never));
}

async function readAll(folder: string, options: Partial<WorkspaceOptions> = {}): Promise<Record<string, string>> {
  const workspace = await openAt(folder, options);
  const results: Record<string, string> = {};
  for await (const entry of workspace.walk(never)) {
    if (entry.kind === "skipped") continue;
    const read = await workspace.read(entry.file);
    results[entry.file.path] =
      read.kind === "text" ? read.text : read.kind === "skipped" ? read.skipped.reason : "missing";
  }
  return results;
}

test("a walk finds code and prose in a fixed order and names every other file's reason", async (t) => {
  const folder = await folderOf(t, {
    "b.ts": code,
    "a.ts": code,
    "README.md": "# Read me\n",
    "src/z.py": "x = 1\n",
    "src/deep/y.go": "package y\n",
    "data.json": "{}",
    "logo.png": new Uint8Array([0x89, 0x50]),
    "big.ts": "x".repeat(2000),
    ".git/config": "[core]",
  });
  const walked = await walk(folder, { maxFileBytes: 1000 });
  assert.deepEqual(walked.files, ["README.md", "a.ts", "b.ts", "src/z.py", "src/deep/y.go"]);
  assert.deepEqual(walked.skipped, {
    "big.ts": "tooLarge",
    "data.json": "unknownLanguage",
    "logo.png": "unknownLanguage",
  });
});

test("nested .gitignore files apply as git applies them", async (t) => {
  const folder = await folderOf(t, {
    ".gitignore": "*.gen.ts\n/build/\nlogs/\n!keep.gen.ts\nout/\n",
    "a.ts": code,
    "a.gen.ts": code,
    "keep.gen.ts": code,
    "build/b.ts": code,
    "packages/one/build/c.ts": code,
    "packages/one/.gitignore": "secretless.ts\n!out/\n!special.gen.ts\n",
    "packages/one/secretless.ts": code,
    "packages/one/special.gen.ts": code,
    "packages/one/out/d.ts": code,
    "packages/one/out/e.gen.ts": code,
    "packages/two/out/f.ts": code,
    "packages/two/logs/g.ts": code,
    ".git/info/exclude": "local.ts\n",
    "local.ts": code,
  });
  const walked = await walk(folder);
  assert.deepEqual(walked.files, [
    "a.ts",
    "keep.gen.ts",
    "packages/one/special.gen.ts",
    "packages/one/build/c.ts",
    "packages/one/out/d.ts",
  ]);
  assert.equal(walked.skipped["build/"], "ignored");
  assert.equal(walked.skipped["packages/two/logs/"], "ignored");
  assert.equal(walked.skipped["packages/two/logs/g.ts"], undefined, "a skipped folder counts once");

  // git itself is the judge where it is installed.
  execFileSync("git", ["init", "-q"], { cwd: folder });
  await writeFile(join(folder, ".git/info/exclude"), "local.ts\n");
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: folder, encoding: "utf8" });
  const expected = listed.split("\n").filter((path) => path.endsWith(".ts"));
  assert.deepEqual([...walked.files].sort(), expected.sort());
});

test("a workspace inside a repository obeys the .gitignore files above it, unless they exclude all of it", async (t) => {
  const folder = await folderOf(t, {
    ".git/HEAD": "",
    ".gitignore": "*.tmp.ts\n/wanted/\n/packages/a/drop.ts\n",
    "packages/a/x.ts": code,
    "packages/a/x.tmp.ts": code,
    "packages/a/drop.ts": code,
    "wanted/y.ts": code,
  });
  assert.deepEqual((await walk(join(folder, "packages/a"))).files, ["x.ts"]);
  assert.deepEqual((await walk(join(folder, "wanted"))).files, ["y.ts"]);
});

test("editor globs are anchored, own globs are not, and neither can be undone by a .gitignore", async (t) => {
  const folder = await folderOf(t, {
    ".gitignore": "!gone.ts\n",
    "gone.ts": code,
    "sub/gone.ts": code,
    "sub/a.spec.ts": code,
    "sub/a.test.js": code,
    "sub/keep.ts": code,
    "deep/er/tmp/t.ts": code,
    "top/t.ts": code,
  });
  const excludeGlobs = ["gone.ts", "**/*.{spec,test}.{ts,js}", "top"];
  const walked = await walk(folder, { excludeGlobs, ignoreGlobs: ["tmp/"] });
  assert.deepEqual(walked.files, ["sub/gone.ts", "sub/keep.ts"]);
  assert.equal(walked.skipped["deep/er/tmp/"], "ignored");
  assert.equal(walked.skipped["sub/a.test.js"], "ignored");
  const own = await walk(folder, { ignoreGlobs: ["gone.ts", "**/tmp/**", "*.spec.ts"] });
  assert.deepEqual(own.files, ["sub/a.test.js", "sub/keep.ts", "top/t.ts"]);
});

test("braces in globs expand, nested ones too", () => {
  assert.deepEqual(expandBraces("a.{ts,js}"), ["a.ts", "a.js"]);
  assert.deepEqual(expandBraces("{a,b{1,2}}/x"), ["a/x", "b1/x", "b2/x"]);
  assert.deepEqual(expandBraces("no{brace"), ["no{brace"]);
});

test("secrets are never found, whatever rules say; code of the same name is", async (t) => {
  const folder = await folderOf(t, {
    ".gitignore": "!.env\n!.env.ts\n",
    ".env": "KEY=1",
    ".env.ts": code,
    ".ssh/config.ts": code,
    ".aws/credentials": "x",
    id_rsa: "x",
    "credentials.json": "{}",
    "credentials.ts": code,
    "secrets.py": "x = 1\n",
    "secrets.sh": "export KEY=1\n",
    "secrets.txt": "x",
    "docs/credentials.md": "# How credentials work\n",
    "key.py": `KEY = """-----BEGIN RSA PRIVATE KEY-----\n${"MIIEowIBAAKCAQEA".repeat(8)}\n-----END RSA PRIVATE KEY-----"""\n`,
    "pem.py": 'START = "-----BEGIN PRIVATE KEY-----"\n\ndef is_key(text):\n    return text.startswith(START)\n',
  });
  const texts = await readAll(folder);
  assert.deepEqual(Object.keys(texts), ["credentials.ts", "key.py", "pem.py", "secrets.py", "docs/credentials.md"]);
  assert.equal(texts["key.py"], "secret");
  assert.match(texts["pem.py"] ?? "", /is_key/);
  const { skipped } = await walk(folder);
  for (const path of [".env", ".env.ts", ".ssh/", ".aws/", "id_rsa", "credentials.json", "secrets.sh", "secrets.txt"]) {
    assert.equal(skipped[path], "secret", path);
  }
});

test("names that hold secrets are known", () => {
  const secret = [
    ".env.production", ".envrc", "prod.env", "server.pem", "tls.key", "id_ed25519.pub", "a.p12", "a.pfx", "a.jks", "app.keystore",
    ".npmrc", ".netrc", ".pypirc", ".git-credentials", "kubeconfig", "x/terraform.tfstate", "x/terraform.tfstate.backup",
    "pass.kdbx", "gcp-service-account.json", "my-secrets.yaml", "aws_credentials", "AuthKey_1.p8", ".kube/config", "ID_RSA",
  ]; // prettier-ignore
  for (const path of secret) assert.equal(isSecretPath(path, null), true, path);
  for (const path of ["environment.py", "token.go", "secretary.py", "src/credentials/store.ts"]) {
    assert.equal(isSecretPath(path, "python"), false, path);
  }
});

test("vendored folders, generated, minified, lock and binary files are skipped with their reasons", async (t) => {
  const long = `var a=${"function(){return 1},".repeat(400)}0;`;
  const folder = await folderOf(t, {
    "node_modules/x/index.js": code,
    "a/vendor/y.go": "package y\n",
    "env/pyvenv.cfg": "home = x",
    "env/lib/z.py": "x = 1\n",
    "target/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55",
    "target/t.ts": code,
    "web/package.json": "{}",
    "web/dist/bundle.js": code,
    "dist/own.ts": code,
    "jquery.min.js": code,
    "api.pb.go": "package api\n",
    "Form.Designer.cs": "class Form {}\n",
    "package-lock.json": "{}",
    "long.js": long,
    "tool.go": "// Code generated by stringer; DO NOT EDIT.\n\npackage tool\n",
    "license.py": "# Licence\n#\n# @generated by buck\nx = 1\n",
    "generator.py": 'import os\nHEADER = """\n# Code generated by me. DO NOT EDIT.\n"""\n',
    "video.ts": new Uint8Array([0x47, 0, 0x11, 0x10, 0, 0]),
    "prose.md": `${"A long paragraph without a line end. ".repeat(200)}\n`,
  });
  const walked = await walk(folder);
  assert.deepEqual(
    Object.fromEntries(Object.entries(walked.skipped).filter(([, reason]) => reason !== "unknownLanguage")),
    {
      "Form.Designer.cs": "generated",
      "a/vendor/": "vendored",
      "api.pb.go": "generated",
      "env/": "vendored",
      "jquery.min.js": "minified",
      "node_modules/": "vendored",
      "package-lock.json": "generated",
      "target/": "vendored",
      "web/dist/": "vendored",
    },
  );
  const texts = await readAll(folder);
  assert.equal(texts["long.js"], "minified");
  assert.equal(texts["tool.go"], "generated");
  assert.equal(texts["license.py"], "generated");
  assert.equal(texts["video.ts"], "binary");
  assert.match(texts["generator.py"] ?? "", /HEADER/);
  assert.match(texts["prose.md"] ?? "", /paragraph/);
  assert.equal(texts["dist/own.ts"], code);
});

test("generated marks count in the opening comment only", () => {
  assert.equal(skipByText("/*\n * This file is auto-generated by protoc.\n */\nint x;\n", "c")?.reason, "generated");
  assert.equal(skipByText("<?php\n// @generated\nclass A {}\n", "php")?.reason, "generated");
  assert.equal(skipByText("# Generated by Django 4.2\n# Please do not edit.\nx = 1\n", "python")?.reason, "generated");
  assert.equal(skipByText("int x;\n// @generated\n", "c"), null);
  assert.equal(skipByText("// How ids are generated.\nint x;\n", "c"), null);
});

test("encodings: UTF-8 with mark, UTF-16 both ways, old Western text; line ends become \\n", () => {
  const text = (bytes: Uint8Array) => {
    const decoded = decodeText(bytes);
    return "text" in decoded ? decoded.text : decoded.reason;
  };
  assert.equal(text(Buffer.from("\uFEFFé\r\nb\rc\n")), "é\nb\nc\n");
  assert.equal(text(Buffer.from("\uFEFFaé\r\n", "utf16le")), "aé\n");
  assert.equal(text(Buffer.from("\uFEFFaé\n", "utf16le").swap16()), "aé\n");
  assert.equal(
    text(Buffer.from("// Andr\xe9 wrote this long line of a comment\nint x;\n", "latin1")),
    "// André wrote this long line of a comment\nint x;\n",
  );
  assert.equal(text(Buffer.from("\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0\n", "latin1")), "badEncoding");
  assert.equal(text(Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00])), "badEncoding");
  assert.equal(text(Buffer.from("a\0b")), "binary");
  assert.equal(text(Buffer.from([0x80, 1, 2, 3, 0x81, 4, 5, 6])), "binary");
  assert.equal(text(new Uint8Array()), "");
});

test("links: loops end, places outside stay outside, and nothing is found twice", async (t) => {
  const outside = await folderOf(t, { "x.ts": code });
  const folder = await folderOf(t, {
    "src/a.ts": code,
    "node_modules/pkg/p.ts": code,
    ".env": "KEY=1",
  });
  await symlink(".", join(folder, "self"));
  await symlink("..", join(folder, "src/up"));
  await symlink("src", join(folder, "alias"));
  await symlink("src/a.ts", join(folder, "b.ts"));
  await symlink(outside, join(folder, "away"));
  await symlink("nowhere", join(folder, "dangling.ts"));
  await symlink("ring.ts", join(folder, "ring.ts"));
  await symlink(".env", join(folder, "harmless.ts"));
  await symlink("node_modules/pkg", join(folder, "pkg"));
  const walked = await walk(folder);
  assert.deepEqual(walked.files, ["src/a.ts", "pkg/p.ts"]);
  assert.deepEqual(walked.skipped, {
    ".env": "secret",
    "node_modules/": "vendored",
    self: "symlinkLoop",
    "src/up": "symlinkLoop",
    alias: "symlinkLoop",
    "b.ts": "symlinkLoop",
    away: "ignored",
    "dangling.ts": "unreadable",
    "ring.ts": "symlinkLoop",
    "harmless.ts": "secret",
  });
});

test("files and folders that cannot be read are named", async (t) => {
  const folder = await folderOf(t, { "a.ts": code, "closed.ts": code, "shut/b.ts": code });
  execFileSync("mkfifo", [join(folder, "pipe.ts")]);
  assert.equal((await walk(folder)).skipped["pipe.ts"], "unreadable");
  if (process.getuid?.() === 0) {
    t.diagnostic("permissions do not bind root");
    return;
  }
  await chmod(join(folder, "closed.ts"), 0);
  await chmod(join(folder, "shut"), 0);
  t.after(() => chmod(join(folder, "shut"), 0o700));
  assert.equal((await walk(folder)).skipped["shut/"], "unreadable");
  assert.equal((await readAll(folder))["closed.ts"], "unreadable");
});

test("a file that grew or vanished since it was found is no error", async (t) => {
  const folder = await folderOf(t, { "a.ts": code, "b.ts": code });
  const workspace = await openAt(folder, { maxFileBytes: 100 });
  const found = (path: string) => ({ path, language: "typescript", bytes: 1, mtimeMs: 1 });
  await appendFile(join(folder, "a.ts"), code.repeat(10));
  await rm(join(folder, "b.ts"));
  const grown = await workspace.read(found("a.ts"));
  assert.equal(grown.kind === "skipped" ? grown.skipped.reason : "", "tooLarge");
  assert.equal((await workspace.read(found("b.ts"))).kind, "missing");
});

test("inspecting one path gives what a walk says about it", async (t) => {
  const folder = await folderOf(t, {
    ".gitignore": "*.gen.ts\n",
    "src/.gitignore": "x.ts\n",
    "src/x.ts": code,
    "src/y.ts": code,
    "src/z.gen.ts": code,
    "src/in/w.ts": code,
    "node_modules/p/q.ts": code,
    ".env": "KEY=1",
  });
  const workspace = await openAt(folder);
  const inspect = (path: string) => collect(workspace.inspect(path, never));
  assert.deepEqual(await inspect("src/y.ts"), { files: ["src/y.ts"], skipped: {} });
  assert.deepEqual(await inspect("src/x.ts"), { files: [], skipped: { "src/x.ts": "ignored" } });
  assert.deepEqual(await inspect("src/z.gen.ts"), { files: [], skipped: { "src/z.gen.ts": "ignored" } });
  assert.deepEqual(await inspect("node_modules/p/q.ts"), { files: [], skipped: { "node_modules/": "vendored" } });
  assert.deepEqual(await inspect(".env"), { files: [], skipped: { ".env": "secret" } });
  assert.deepEqual(await inspect("gone/for/good.ts"), { files: [], skipped: {} });
  assert.deepEqual((await inspect("src")).files, ["src/y.ts", "src/in/w.ts"]);
  assert.equal(await workspace.needsWalk(["src/y.ts", "gone.ts"]), false);
  assert.equal(await workspace.needsWalk(["src/.gitignore"]), true);
});

test("a folder that does not exist, or is a file, is a failure", async (t) => {
  const folder = await folderOf(t, { "a.ts": code });
  for (const path of [join(folder, "nope"), join(folder, "a.ts")]) {
    await assert.rejects(openAt(path), (error) => error instanceof Failure && error.code === "workspaceMissing");
  }
});

test("a walk stops when its signal is aborted", async (t) => {
  const folder = await folderOf(t, { "a/a.ts": code, "b/b.ts": code, "c/c.ts": code });
  const workspace = await openAt(folder);
  const controller = new AbortController();
  await assert.rejects(
    async () => {
      for await (const entry of workspace.walk(controller.signal)) if (entry.kind === "file") controller.abort();
    },
    { name: "AbortError" },
  );
});

test("a tree of 100,000 files is walked completely", async (t) => {
  // In memory where possible: making the files takes a disk much longer than walking them.
  const folder = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "precis-workspace-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const perFolder = 1000;
  for (let at = 0; at < 100; at += 1) {
    const inner = join(folder, `d${at}`, "x");
    await mkdir(inner, { recursive: true });
    for (let file = 0; file < perFolder; file += 1) writeFileSync(join(inner, `f${file}.ts`), "");
  }
  let files = 0;
  for await (const entry of (await openAt(folder)).walk(never)) if (entry.kind === "file") files += 1;
  assert.equal(files, 100 * perFolder);
});
