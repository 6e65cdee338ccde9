/** What `--pin` and `--drop` name. */
import type { PinnedPlace, UnitName } from "../protocol/engine.ts";

/** `PATH`, `PATH:LINE` or `PATH:FIRST-LAST`; null for anything else. */
export function parsePin(text: string): PinnedPlace | null {
  const [, path = "", first, last] = /^(.+?)(?::(\d{1,7})(?:-(\d{1,7}))?)?$/.exec(text) ?? [];
  if (path === "" || first === "0") return null;
  const startLine = Number(first ?? 0);
  const endLine = Math.max(startLine, Number(last ?? startLine));
  return { path: withSlashes(path), startLine, endLine, why: "pinned" };
}

/** `PATH#QUALIFIED.NAME`; null for anything else. */
export function parseDrop(text: string): UnitName | null {
  const at = text.lastIndexOf("#");
  const [path, qualifiedName] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  return path === "" || qualifiedName === "" ? null : { path: withSlashes(path), qualifiedName };
}

/** As the index has it. */
function withSlashes(path: string): string {
  return path.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
}
