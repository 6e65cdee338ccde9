import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import test from "node:test";

const root = path.resolve(import.meta.dirname, "../..");

/** What each area may import: other areas, and packages (`node:*` for all of Node). Its own files always. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "extension/base": [],
  "extension/protocol": ["zod"],
  "extension/pipeline": ["extension/base", "extension/protocol"],
  "extension/engine": [
    "extension/base",
    "extension/protocol",
    "extension/pipeline",
    "extension/syntax",
    "native",
    "node:*",
    "vscode-jsonrpc",
    "ignore",
    "zod",
    "node-llama-cpp",
    "tree-sitter",
    "web-tree-sitter",
  ],
  "extension/syntax": ["extension/base", "extension/protocol", "extension/pipeline", "node:*", "web-tree-sitter"],
  "extension/models": ["extension/base", "extension/protocol", "node:*", "zod", "@vscode/l10n"],
  // Opens connections; nothing else does.
  "extension/download": [
    "extension/protocol",
    "extension/models",
    "node:*",
    "node-llama-cpp",
    "registry-url",
    "tar",
    "zod",
  ],
  "extension/client": ["extension/base", "extension/protocol", "extension/models", "node:*", "vscode-jsonrpc"],
  "extension/host": [
    "extension/base",
    "extension/protocol",
    "extension/client",
    "extension/models",
    "extension/syntax",
    "extension/pipeline/cursorSyntax.ts",
    "node:*",
    "vscode",
    "@vscode/l10n",
  ],
  "extension/cli": [
    "extension/base",
    "extension/protocol",
    "extension/client",
    "extension/models",
    "node:*",
    "commander",
  ],
  extension: ["extension/base", "extension/protocol", "extension/client", "extension/host", "vscode", "@vscode/l10n"],
  webview: [
    "extension/protocol/view.ts",
    "extension/protocol/mentions.ts",
    "extension/protocol/slashCommands.ts",
    "@vscode/l10n",
    "markdown-it",
    "dompurify",
    "highlight.js",
    "@vscode-elements/elements",
    "@vscode/codicons",
  ],
  native: [],
};

/** Large enough for any cohesive idea; a longer file asks for a design decision. */
const maxLines = 400;

const sources = filesBelow(["extension", "webview", "native", "test"], /\.(ts|cpp|h)$/).filter(
  (file) =>
    !file.startsWith("native/.llama/") &&
    !file.startsWith("native/build/") &&
    !file.startsWith("test/editor/.host/") &&
    !file.startsWith("test/fixtures/"),
);
const modules = sources.filter((file) => file.endsWith(".ts") && !file.startsWith("test/"));

test("every area imports only what the table of layers allows", () => {
  const violations = modules.flatMap((file) => {
    const area = areaOf(file);
    return importsOf(file)
      .filter((target) => !mayImport(area, target))
      .map((target) => `${file} imports ${target}`);
  });
  assert.deepEqual(violations, []);
});

test("no module imports itself through others", () => {
  const edges = new Map(modules.map((file) => [file, importsOf(file).filter((target) => modules.includes(target))]));
  assert.deepEqual(findCycle(edges), []);
});

test("the C++ core knows nothing of N-API, and only the public llama headers", () => {
  const violations = sources
    .filter((file) => /^native\/(core|binding)\//.test(file))
    .flatMap((file) => includesOf(file).map((header) => ({ file, header })))
    .filter(({ file, header }) =>
      file.startsWith("native/core/")
        ? /napi|node_api|binding\//.test(header) || /^(llama-|ggml-impl|\.\.\/src)/.test(header)
        : /^(llama|ggml)/.test(header),
    )
    .map(({ file, header }) => `${file} includes ${header}`);
  assert.deepEqual(violations, []);
});

test(`no source file is longer than ${maxLines} lines`, () => {
  const long = sources.filter((file) => read(file).split("\n").length > maxLines + 1);
  assert.deepEqual(long, []);
});

test("a cycle is found where there is one", () => {
  const edges = new Map([
    ["a", ["b"]],
    ["b", ["c"]],
    ["c", ["a"]],
  ]);
  assert.equal(findCycle(edges).length, 3);
});

function filesBelow(folders: readonly string[], pattern: RegExp): string[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .map((name) => path.posix.join(folder, name.replaceAll("\\", "/")))
      .filter((name) => pattern.test(name) && !name.includes("node_modules/")),
  );
}

function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

function areaOf(file: string): string {
  const area = Object.keys(allowed)
    .filter((candidate) => file.startsWith(`${candidate}/`))
    .sort((a, b) => b.length - a.length)[0];
  assert.ok(area !== undefined, `${file} lies in no known area`);
  return area;
}

/** Targets of static and dynamic imports: project files as paths from the root, packages by name. */
function importsOf(file: string): string[] {
  const specifiers = [...read(file).matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)"([^"]+)"/gm)];
  return specifiers.map((match) => {
    const specifier = match[1] ?? "";
    return specifier.startsWith(".") ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
  });
}

function includesOf(file: string): string[] {
  return [...read(file).matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map((match) => match[1] ?? "");
}

function mayImport(area: string, target: string): boolean {
  if (target.startsWith(`${area}/`) && (area !== "extension" || !target.slice("extension/".length).includes("/"))) {
    return true;
  }
  return (allowed[area] ?? []).some(
    (entry) => target === entry || (entry === "node:*" ? target.startsWith("node:") : target.startsWith(`${entry}/`)),
  );
}

/** Nodes of one cycle, or an empty list. */
function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (node: string): string[] => {
    const at = trail.indexOf(node);
    if (at >= 0) return trail.slice(at);
    if (done.has(node)) return [];
    trail.push(node);
    for (const target of edges.get(node) ?? []) {
      const cycle = visit(target);
      if (cycle.length > 0) return cycle;
    }
    trail.pop();
    done.add(node);
    return [];
  };
  for (const node of edges.keys()) {
    const cycle = visit(node);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
