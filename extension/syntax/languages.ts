/** The languages of grammars/languages.json, and where their packages lie. Shared by engine and extension host. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { LanguageRow } from "../pipeline/ports.ts";
import { Failure } from "../protocol/failure.ts";

/** The rows of grammars/languages.json below `root`. Throws Failure `grammarMissing`. */
export async function readLanguages(root: string): Promise<readonly LanguageRow[]> {
  const file = path.join(root, "grammars", "languages.json");
  try {
    const rows: unknown = JSON.parse(await readFile(file, "utf8"));
    if (!Array.isArray(rows)) throw new TypeError("not a list");
    return rows.map(parseLanguageRow);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure("grammarMissing", `${file}: ${reason}`, { cause: error });
  }
}

/** A look-up of a file's language by its whole name, else by its longest known extension. */
export function languageFinder(languages: readonly LanguageRow[]): (path: string) => LanguageRow | null {
  const byName = new Map(languages.flatMap((row) => row.filenames.map((name) => [name.toLowerCase(), row])));
  const byExtension = new Map(languages.flatMap((row) => row.extensions.map((extension) => [extension, row])));
  return (file) => {
    const name = file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1).toLowerCase();
    const named = byName.get(name);
    if (named !== undefined) return named;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const row = byExtension.get(name.slice(dot));
      if (row !== undefined) return row;
    }
    return null;
  };
}

/** A look-up of an open document's language: by what the editor calls it, else by the file's name. */
export function documentLanguageFinder(
  languages: readonly LanguageRow[],
): (editorId: string, path: string) => LanguageRow | null {
  const byEditorId = new Map(languages.flatMap((row) => row.editorIds.map((id) => [id, row])));
  const languageOf = languageFinder(languages);
  return (editorId, file) => byEditorId.get(editorId) ?? languageOf(file);
}

/** The wasm file of a language's grammar. Throws Failure `grammarMissing` where there is none. */
export function wasmFile(load: NodeJS.Require, language: LanguageRow): string {
  if (language.wasm === "") throw new Failure("grammarMissing", `${language.name} has no wasm grammar`);
  return path.join(packageFolder(load, language.package), language.wasm);
}

/** Packages may hide package.json from `require`, so their folder is looked for where Node would look. */
export function packageFolder(load: NodeJS.Require, name: string): string {
  for (const folder of load.resolve.paths(name) ?? []) {
    const candidate = path.join(folder, name);
    if (existsSync(path.join(candidate, "package.json"))) return candidate;
  }
  throw new Failure("grammarMissing", `the package ${name} is not installed`);
}

function parseLanguageRow(row: unknown): LanguageRow {
  if (typeof row !== "object" || row === null) throw new TypeError("a language is not an object");
  const fields = row as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const value = fields[name];
    if (typeof value !== "string") throw new TypeError(`${name} is not a string`);
    return value;
  };
  const texts = (name: string): string[] => {
    const value = fields[name];
    if (!isStrings(value)) throw new TypeError(`${name} is not a list of strings`);
    return value;
  };
  const [open, close] = fields["blockComment"] === null ? [] : texts("blockComment");
  return {
    id: text("id"),
    name: text("name"),
    editorIds: texts("editorIds"),
    extensions: texts("extensions").map((extension) => extension.toLowerCase()),
    filenames: texts("filenames"),
    package: text("package"),
    export: text("export"),
    wasm: text("wasm"),
    lineComment: text("lineComment"),
    blockComment: open === undefined || close === undefined ? null : [open, close],
  };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
