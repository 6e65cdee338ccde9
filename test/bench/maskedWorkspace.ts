/**
 * A copy of a repository in which functions have neither documentation nor names where they are defined, so that what
 * ranks a whole repository can be asked for them.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { ParsedFile, Unit } from "../../extension/protocol/units.ts";
import { codeWithoutDoc } from "../../extension/pipeline/scorerText.ts";
import { contains, findNeedles, removeName, type Needle } from "./needles.ts";
import { isFunction, rowsOf, type SourceText } from "./sourceFiles.ts";

/** A needle and a line of its code, the same in the original and in the masked file. */
export interface MaskedNeedle extends Needle {
  readonly line: number;
}

export interface MaskedRepository {
  readonly files: readonly SourceText[];
  readonly needles: readonly MaskedNeedle[];
}

/** Takes the place of names. One letter is a name in every language and no word for any ranking. */
const anonymous = "x";

/** Lines keep their numbers: documentation becomes blank lines. Where names are hidden, callers still mention them. */
export function maskRepository(
  files: readonly SourceText[],
  parsed: readonly ParsedFile[],
  { namesHidden }: { readonly namesHidden: boolean },
): MaskedRepository {
  const unitsByPath = new Map(parsed.map((file) => [file.path, file.units]));
  const masked = files.map((file) => ({
    ...file,
    text: maskFile(file.text, unitsByPath.get(file.path) ?? [], namesHidden),
  }));
  const texts = new Map(masked.map((file) => [file.path, file.text]));
  const needles = findNeedles(parsed.flatMap((file) => file.units)).flatMap((needle): MaskedNeedle[] => {
    const { unit, question } = needle;
    if (!/^[A-Za-z_]\w*$/.test(unit.name) || contains(texts.get(unit.path) ?? "", question)) return [];
    return [{ ...needle, line: (rowsOf(unit)[docLines(unit)] ?? unit.startLine - 1) + 1 }];
  });
  return { files: masked, needles };
}

/** Whether a ranked unit is the function that a needle is about: of its file, a function, and over its first line. */
export function isNeedle(unit: Unit, needle: MaskedNeedle): boolean {
  return (
    unit.path === needle.unit.path &&
    isFunction(unit) &&
    unit.ranges.some(({ startLine, endLine }) => startLine <= needle.line && needle.line <= endLine)
  );
}

/** Writes the files into a folder of their own, runs `use` with it, and removes it. */
export async function withFiles<T>(files: readonly SourceText[], use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "precis-masked-"));
  try {
    for (const file of files) {
      const target = path.join(folder, ...file.path.split("/"));
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, file.text);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function maskFile(text: string, units: readonly Unit[], namesHidden: boolean): string {
  const lines = text.split("\n");
  for (const unit of units) {
    const rows = rowsOf(unit);
    const original = unit.text.split("\n");
    const masked = unit.doc === "" ? original : maskLines(unit, original);
    rows.forEach((row, at) => {
      // What another unit has masked already stays masked.
      if (lines[row] === original[at]) lines[row] = masked[at] ?? "";
      if (namesHidden && isFunction(unit)) lines[row] = removeName(lines[row] ?? "", unit.name, anonymous);
    });
  }
  return lines.join("\n");
}

/** As many lines as before, those of documentation blank. */
function maskLines(unit: Unit, lines: readonly string[]): string[] {
  const before = docLines(unit);
  const code = lines.slice(before).join("\n");
  const masked = unit.language === "python" ? code.replace(docstring, emptyDocstring) : code;
  return [...Array.from({ length: before }, () => ""), ...masked.split("\n")];
}

/** After a header's colon. */
const docstring = /(:[^\n"']*\n\s*)[rRuUbB]{0,2}("""[\s\S]*?"""|'''[\s\S]*?''')/;

/** A body may be nothing but its docstring, so something must stay there. */
function emptyDocstring(_: string, head: string, documentation: string): string {
  return `${head}...${"\n".repeat(documentation.split("\n").length - 1)}`;
}

/** Lines of documentation before the code. */
function docLines(unit: Unit): number {
  const code = codeWithoutDoc({ ...unit, language: "" });
  return unit.text.slice(0, unit.text.length - code.length).split("\n").length - 1;
}
