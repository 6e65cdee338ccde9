// esbuild bundles of the extension host, the engine, its parse worker, the terminal program and the webview.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { whenChanged } from "./stamp.mjs";

/** Writes dist/*.{cjs,mjs} and dist/webview/. Does nothing when the sources are unchanged. */
export async function buildBundles({ root, log }) {
  await whenChanged(
    {
      root,
      name: "bundles",
      inputs: ["extension", "webview", "native/addon.ts", "package.json", "package-lock.json", "tools/bundle.mjs"],
      outputs: bundleOutputs,
      log,
    },
    () => bundle(root),
  );
}

const bundleOutputs = [
  "dist/extension.cjs",
  "dist/engine.mjs",
  "dist/parseWorker.mjs",
  "dist/download.mjs",
  "dist/cli.mjs",
  "dist/webview/main.js",
];

/**
 * VS Code's API as one module of the bundle. esbuild copies the names of a CommonJS module for each file that imports it,
 * and VS Code has hundreds: with some thirty files that alone took most of the time in which the extension is evaluated.
 */
const oneVscode = {
  name: "one copy of vscode",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vscode$/ }, ({ namespace }) =>
      namespace === "vscode" ? { path: "vscode", external: true } : { path: "vscode", namespace: "vscode" },
    );
    onLoad({ filter: /.*/, namespace: "vscode" }, () => ({ contents: 'export * from "vscode";' }));
  },
};

async function bundle(root) {
  const { build } = await import("esbuild");
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const nativePackages = Object.keys(manifest.dependencies).filter((name) => /tree-sitter|node-llama-cpp/.test(name));
  const shared = { absWorkingDir: root, bundle: true, sourcemap: true, logLevel: "warning", legalComments: "eof" };
  const node = { ...shared, platform: "node", target: "node24", external: ["vscode", ...nativePackages] };
  // CommonJS dependencies inside an ES module bundle call require() for Node's own modules.
  const banner = {
    js: 'import { createRequire as precisCreateRequire } from "node:module"; const require = precisCreateRequire(import.meta.url);',
  };
  const program = (entry, name) => ({
    ...node,
    format: "esm",
    banner,
    entryPoints: [entry],
    outfile: `dist/${name}.mjs`,
  });
  await Promise.all([
    build({
      ...node,
      format: "cjs",
      minify: true,
      plugins: [oneVscode],
      banner: { js: "const evaluationStartMs = performance.now();" },
      footer: { js: "const evaluationMs = performance.now() - evaluationStartMs;" },
      entryPoints: ["extension/main.ts"],
      outfile: "dist/extension.cjs",
    }),
    build(program("extension/engine/main.ts", "engine")),
    build(program("extension/engine/parseWorker.ts", "parseWorker")),
    build(program("extension/download/main.ts", "download")),
    build(program("extension/cli/main.ts", "cli")),
    build({
      ...shared,
      platform: "browser",
      target: "chrome130",
      format: "iife",
      minify: true,
      entryPoints: ["webview/main.ts"],
      outdir: "dist/webview",
      loader: { ".ttf": "file", ".svg": "dataurl" },
      ...(existsSync(path.join(root, "webview/tsconfig.json")) ? { tsconfig: "webview/tsconfig.json" } : {}),
    }),
  ]);
}
