import type { Unit } from "../../extension/protocol/units.ts";

/** A function of three lines, for scorers. */
export function scorerUnit(file: string, name: string, doc: string, body: string): Unit {
  const signature = `export function ${name}()`;
  return {
    id: `${file}#0`,
    path: file,
    language: "typescript",
    kind: "function",
    name,
    qualifiedName: name,
    startLine: 1,
    endLine: 3,
    ranges: [{ startLine: 1, endLine: 3 }],
    signature,
    doc,
    text: `${signature} {\n  ${body}\n}`,
    references: [],
  };
}
