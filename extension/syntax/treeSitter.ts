import type * as WebTreeSitter from "web-tree-sitter";

/** The module `web-tree-sitter`, after `Parser.init()`. */
export type WasmTreeSitter = typeof WebTreeSitter;

/** Loads web-tree-sitter and starts its runtime. `load` resolves packages from where they are installed. */
export async function loadWasmTreeSitter(load: NodeJS.Require): Promise<WasmTreeSitter> {
  const treeSitter = load("web-tree-sitter") as WasmTreeSitter;
  await treeSitter.Parser.init();
  return treeSitter;
}
