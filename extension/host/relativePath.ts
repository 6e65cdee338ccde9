import nodePath from "node:path";
import { pathBelow } from "../base/pathBelow.ts";
import type { PathRules } from "../base/pathBelow.ts";

/**
 * The path of a file relative to a folder, with `/`; null where it does not lie below the folder, or on no disk. Also in a
 * remote window files have the scheme `file`: the extension runs where they are.
 */
export function relativePath(
  folder: string,
  file: { readonly scheme: string; readonly fsPath: string },
  rules: PathRules = nodePath,
): string | null {
  return file.scheme === "file" ? pathBelow(folder, file.fsPath, rules) : null;
}
