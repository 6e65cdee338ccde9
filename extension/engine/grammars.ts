/** Finds and loads the grammars of grammars/languages.json, by the native tree-sitter where it loads, else by wasm. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { Failure } from "../protocol/failure.ts";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";
import type { Grammar, LanguageRow } from "../pipeline/ports.ts";
import { openNativeGrammar, type NativeLanguage, type NativeTreeSitter } from "./nativeGrammar.ts";
import { languageFinder, packageFolder, readLanguages, wasmFile } from "../syntax/languages.ts";
import { loadWasmTreeSitter, type WasmTreeSitter } from "../syntax/treeSitter.ts";
import { openWasmGrammar } from "./wasmGrammar.ts";

export type GrammarRuntime = "native" | "wasm";

/** The languages Precis can cut into units. */
export interface Grammars {
  readonly languages: readonly LanguageRow[];
  readonly runtime: GrammarRuntime;
  /** Which runtime, and why. */
  readonly why: Sentence;
  /** The language of a file by its name, or null. `path` may use any separator. */
  languageOf(path: string): LanguageRow | null;
  /**
   * The grammar of one language, loaded once. A language whose grammar the runtime lacks is loaded by the other one
   * where that is possible and `runtime` was `auto`. Throws Failure `grammarMissing`.
   */
  grammar(languageId: string): Promise<Grammar>;
}

/**
 * Opens the grammars of the package at `root` (a source checkout or the installed extension). Throws Failure
 * `grammarMissing` where languages.json cannot be read, or the runtime that was asked for does not load.
 */
export async function openGrammars(options: {
  readonly root: string;
  readonly runtime?: "auto" | GrammarRuntime;
}): Promise<Grammars> {
  const { root, runtime = "auto" } = options;
  const languages = await readLanguages(root);
  const load = createRequire(path.join(root, "package.json"));
  const native = runtime === "wasm" ? null : loadNative(load);
  if (native !== null && "problem" in native && runtime === "native") {
    throw new Failure("grammarMissing", `native tree-sitter: ${native.problem}`);
  }
  const binding = native !== null && "binding" in native ? native.binding : null;
  const loaders: GrammarLoaders = { root, load, binding, wasm: null, exclusive: runtime !== "auto" };
  const opened = new Map<string, Promise<Grammar>>();
  const languageOf = languageFinder(languages);
  return {
    languages,
    runtime: binding === null ? "wasm" : "native",
    why: whyRuntime(runtime, native),
    languageOf,
    grammar(languageId) {
      let grammar = opened.get(languageId);
      if (grammar === undefined) {
        grammar = openGrammar(languages, languageId, loaders);
        opened.set(languageId, grammar);
      }
      return grammar;
    },
  };
}

interface GrammarLoaders {
  readonly root: string;
  readonly load: NodeJS.Require;
  readonly binding: NativeTreeSitter | null;
  /** Set on first use. */
  wasm: Promise<WasmTreeSitter> | null;
  /** True where the caller named the runtime, so that no other may stand in. */
  readonly exclusive: boolean;
}

async function openGrammar(
  languages: readonly LanguageRow[],
  languageId: string,
  loaders: GrammarLoaders,
): Promise<Grammar> {
  const language = languages.find((row) => row.id === languageId);
  if (language === undefined) throw new Failure("grammarMissing", `no language ${languageId}`);
  const query = await readQuery(loaders.root, languageId);
  const problems: string[] = [];
  if (loaders.binding !== null) {
    try {
      const nativeLanguage = loadNativeLanguage(loaders.load, language);
      return openNativeGrammar({ binding: loaders.binding, language, nativeLanguage, query });
    } catch (error) {
      problems.push(`native: ${messageOf(error)}`);
      if (loaders.exclusive) throw new Failure("grammarMissing", problems.join("; "), { cause: error });
    }
  }
  try {
    const file = wasmFile(loaders.load, language);
    loaders.wasm ??= loadWasmTreeSitter(loaders.load);
    return await openWasmGrammar({ treeSitter: await loaders.wasm, language, file, query });
  } catch (error) {
    problems.push(`wasm: ${messageOf(error)}`);
    throw new Failure("grammarMissing", `${languageId}: ${problems.join("; ")}`, { cause: error });
  }
}

async function readQuery(root: string, languageId: string): Promise<string> {
  const file = path.join(root, "grammars", languageId, "units.scm");
  try {
    const query = await readFile(file, "utf8");
    const inherited = /^; inherits: (\w+)/.exec(query)?.[1];
    return inherited === undefined ? query : `${await readQuery(root, inherited)}\n${query}`;
  } catch (error) {
    throw new Failure("grammarMissing", messageOf(error), { cause: error });
  }
}

function loadNative(load: NodeJS.Require): { binding: NativeTreeSitter } | { problem: string } {
  try {
    const parser = load("tree-sitter") as NativeTreeSitter["Parser"];
    const raw = nativeExports(load, "tree-sitter") as unknown as NativeTreeSitter["raw"];
    return { binding: { Parser: parser, raw } };
  } catch (error) {
    return { problem: firstLine(messageOf(error)) };
  }
}

/** The package's own entry point would also read node-types.json, which costs time and is not needed here. */
function loadNativeLanguage(load: NodeJS.Require, language: LanguageRow): NativeLanguage {
  const exported = nativeExports(load, language.package);
  const found = language.export === "" ? exported : exported[language.export];
  if (typeof found !== "object" || found === null) throw new TypeError(`${language.package} has no ${language.export}`);
  return found as NativeLanguage;
}

function nativeExports(load: NodeJS.Require, packageName: string): Readonly<Record<string, unknown>> {
  const nodeGypBuild = load("node-gyp-build") as (folder: string) => Readonly<Record<string, unknown>>;
  return nodeGypBuild(packageFolder(load, packageName));
}

function whyRuntime(
  runtime: "auto" | GrammarRuntime,
  native: { binding: NativeTreeSitter } | { problem: string } | null,
): Sentence {
  if (native === null) return sentence("wasm: wasm was asked for");
  if ("problem" in native) return sentence("wasm: native tree-sitter does not load: {0}", native.problem);
  return runtime === "native" ? sentence("native: native was asked for") : sentence("native: native tree-sitter loads");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
