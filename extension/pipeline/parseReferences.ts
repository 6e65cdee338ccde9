/** Names that are mentioned, and imports. */
import { referenceRoles, type Import, type Reference, type ReferenceRole } from "../protocol/units.ts";
import type { SyntaxMatch, SyntaxNode } from "./ports.ts";
import type { SourceLines } from "./parseLines.ts";

/** A mention at a row (from 0). */
export interface Mention {
  readonly name: string;
  readonly role: ReferenceRole;
  readonly row: number;
  readonly startIndex: number;
}

/** The receiver of a call, not a name that is defined elsewhere; some grammars have no keyword for it. */
const receivers: ReadonlySet<string> = new Set(["self", "this", "super", "cls", "Self"]);
const nameCharactersMax = 120;
/** Single letters are parameters and type parameters, unless something is called by one. */
const nameCharactersMin: Readonly<Record<ReferenceRole, number>> = { call: 1, type: 2, import: 1, name: 2 };
/** Where several patterns match a node, the role that says most counts. */
const weights: Readonly<Record<ReferenceRole, number>> = { import: 3, call: 2, type: 1, name: 0 };

/** All mentions in the order of the text, one per place; places in `definedAt` define a name and do not mention it. */
export function findMentions(
  matches: readonly SyntaxMatch[],
  source: SourceLines,
  definedAt: ReadonlySet<number>,
): readonly Mention[] {
  const byPlace = new Map<number, Mention>();
  for (const { captures } of matches) {
    for (const { name: capture, node } of captures) {
      const role = roleOf(capture);
      if (role === null || (role !== "import" && definedAt.has(node.startIndex))) continue;
      const earlier = byPlace.get(node.startIndex);
      if (earlier !== undefined && weights[earlier.role] >= weights[role]) continue;
      const name = mentionedName(source.text.slice(node.startIndex, node.endIndex));
      if (name.length < nameCharactersMin[role] || name.length > nameCharactersMax || receivers.has(name)) continue;
      byPlace.set(node.startIndex, { name, role, row: source.rowOf(node.startIndex), startIndex: node.startIndex });
    }
  }
  return [...byPlace.values()].sort((a, b) => a.startIndex - b.startIndex);
}

/** The mentions of one unit: distinct by name and role, without the unit's own name. */
export function distinctReferences(mentions: readonly Mention[], ownName: string): Reference[] {
  const seen = new Map<string, Reference>();
  for (const { name, role, row } of mentions) {
    const key = `${role} ${name}`;
    if (name !== ownName && !seen.has(key)) seen.set(key, { name, role, line: row + 1 });
  }
  return [...seen.values()];
}

/** One entry per import statement, in the order of the text; matches of the same statement are joined. */
export function findImports(matches: readonly SyntaxMatch[], source: SourceLines): Import[] {
  const found = new Map<string, { module: string; names: Set<string>; startIndex: number }>();
  for (const { captures } of matches) {
    let statement: SyntaxNode | null = null;
    let module: SyntaxNode | null = null;
    const names: string[] = [];
    for (const { name: capture, node } of captures) {
      if (capture === "import") statement = node;
      else if (capture === "import.module") module = node;
      else if (capture === "import.name") names.push(mentionedName(source.text.slice(node.startIndex, node.endIndex)));
    }
    if (module === null) continue;
    const text = moduleName(source.text.slice(module.startIndex, module.endIndex));
    if (text === "") continue;
    const startIndex = (statement ?? module).startIndex;
    const key = `${startIndex} ${text}`;
    const entry = found.get(key) ?? { module: text, names: new Set(), startIndex };
    for (const name of names) entry.names.add(name);
    found.set(key, entry);
  }
  return [...found.values()]
    .sort((a, b) => a.startIndex - b.startIndex)
    .map(({ module, names, startIndex }) => ({ module, names: [...names], line: source.rowOf(startIndex) + 1 }));
}

function roleOf(capture: string): ReferenceRole | null {
  if (capture === "import.name") return "import";
  if (!capture.startsWith("reference.")) return null;
  const role = capture.slice("reference.".length);
  return referenceRoles.find((known) => known === role) ?? null;
}

/** A name as written, without quotes and sigils; of a path only what stands last. */
function mentionedName(text: string): string {
  const last = /[^\s.:\\/>]+$/.exec(text.replace(/["'`]+/g, ""))?.[0] ?? "";
  return last.replace(/^[$@&*]+(?=\w)/, "");
}

function moduleName(text: string): string {
  return text.replace(/^["'`<]+|["'`>]+$/g, "").replace(/\s+/g, "");
}
