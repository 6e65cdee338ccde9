/** Contexts for the KV benchmark: files cut into segments, with planted facts, and questions that the context answers. */
import { structuralPins, type PinRange } from "../../extension/pipeline/evictPins.ts";
import type { Grammar } from "../../extension/pipeline/ports.ts";
import type { Unit } from "../../extension/protocol/units.ts";
import { SeededRandom } from "../../models/training/seededRandom.ts";
import type { SourceText } from "./sourceFiles.ts";
import { isFunction } from "./sourceFiles.ts";

/** A piece of the context with the pins of its text. */
export interface CasePiece {
  readonly kind: "instructions" | "code";
  readonly text: string;
  readonly pins: readonly PinRange[];
}

/**
 * Read behind the context: `cue` first, then `answer`, which the model should go on with because the context says so.
 * `depth`: where in the context the answer stands, 0…1.
 */
export interface CaseQuestion {
  readonly kind: "needle" | "signature" | "body" | "rule";
  readonly cue: string;
  readonly answer: string;
  readonly depth: number;
}

export interface KvCase {
  readonly path: string;
  readonly language: string;
  readonly pieces: readonly CasePiece[];
  /** What follows in the file. */
  readonly continuation: string;
  readonly questions: readonly CaseQuestion[];
}

export interface CaseLimits {
  readonly contextCharacters: number;
  readonly continuationCharacters: number;
  readonly questions: number;
}

/** Where facts are planted, as shares of the context. */
export const needleDepths = [0.1, 0.3, 0.5, 0.7, 0.9] as const;
/** Neighbouring units shorter than this are one segment; longer ones are cut at a line. */
const segmentCharactersMin = 350;
const segmentCharactersMax = 1400;
const questionLinesMax = 2;
const answerCharactersMax = 90;

/** Null where the file is too short, or has too few functions to ask about. */
export function kvCase(
  file: SourceText,
  units: readonly Unit[],
  grammar: Grammar | null,
  limits: CaseLimits,
): KvCase | null {
  const lines = file.text.split("\n");
  const end = lineAt(lines, limits.contextCharacters);
  const rest = lines.slice(end).join("\n");
  if (rest.length < limits.continuationCharacters) return null;
  const random = new SeededRandom(`kv ${file.path} ${file.text.length}`);
  const questions = unitQuestions(lines.slice(0, end), units, random);
  if (questions.length < limits.questions) return null;
  const facts = plantedFacts(random, needleDepths.length + 1);
  const rule = facts.pop() ?? { name: "", value: "" };
  const texts = segmentTexts(lines.slice(0, end), units);
  const planted = plantNeedles(texts, facts, prefixes[file.language] ?? "");
  const instructions = `Every answer ends with the mark ${rule.name} = "${rule.value}".\n`;
  return {
    path: file.path,
    language: file.language,
    pieces: [
      { kind: "instructions", text: instructions, pins: [] },
      ...planted.texts.map((text) => ({
        kind: "code" as const,
        text,
        pins: structuralPins(text, file.language, grammar),
      })),
    ],
    continuation: rest.slice(0, limits.continuationCharacters),
    questions: random.shuffled([
      ...random.shuffled(questions).slice(0, limits.questions),
      ...planted.questions,
      {
        kind: "rule",
        cue: `\nEvery answer ends with the mark ${rule.name} = "`,
        answer: `${rule.value}".\n`,
        depth: 0,
      },
    ]),
  };
}

/** Lines that have at most so many characters together. */
function lineAt(lines: readonly string[], characters: number): number {
  let used = 0;
  const at = lines.findIndex((line) => (used += line.length + 1) > characters);
  return at < 0 ? lines.length : at;
}

/** Cuts before units, so that no segment is too short, and inside units that are too long. Joined they are the lines. */
function segmentTexts(lines: readonly string[], units: readonly Unit[]): string[] {
  const starts = new Set(units.map(({ startLine }) => startLine - 1));
  const texts: string[] = [];
  let open = "";
  for (const [row, line] of lines.entries()) {
    const isCut = starts.has(row) ? open.length >= segmentCharactersMin : open.length >= segmentCharactersMax;
    if (isCut) {
      texts.push(open);
      open = "";
    }
    open += `${line}\n`;
  }
  if (open !== "") texts.push(open);
  return texts;
}

const prefixes: Readonly<Record<string, string>> = {
  c: "static const char *",
  cpp: "const std::string ",
  csharp: "const string ",
  java: "static final String ",
  kotlin: "const val ",
  scala: "val ",
  swift: "let ",
  rust: "const ",
  go: "const ",
  javascript: "const ",
  typescript: "const ",
  tsx: "const ",
  lua: "local ",
  php: "$",
};

interface Fact {
  readonly name: string;
  readonly value: string;
}

function plantNeedles(
  texts: readonly string[],
  facts: readonly Fact[],
  prefix: string,
): { texts: string[]; questions: CaseQuestion[] } {
  const planted = [...texts];
  const questions = needleDepths.map((depth, place): CaseQuestion => {
    const at = Math.min(texts.length - 1, Math.floor(depth * texts.length));
    const { name, value } = facts[place] ?? { name: "", value: "" };
    planted[at] = `${planted[at] ?? ""}${prefix}${name} = "${value}"\n`;
    return { kind: "needle", cue: `\n${prefix}${name} = "`, answer: `${value}"\n`, depth };
  });
  return { texts: planted, questions };
}

const nameWords = [
  ...["ORBIT", "LANTERN", "HARBOR", "VELVET", "COPPER", "MEADOW", "SUMMIT", "CINDER", "WALNUT", "PRISM"],
  ...["TUNNEL", "ANCHOR"],
];
const valueWords = [
  ...["amber", "tundra", "pivot", "quartz", "saffron", "ripple", "gravel", "ember", "lotus", "falcon"],
  ...["cobalt", "willow"],
];

/** No word is in two of them: what is measured is whether a fact is still there, not whether two are told apart. */
function plantedFacts(random: SeededRandom, count: number): Fact[] {
  const names = random.shuffled(nameWords);
  const values = random.shuffled(valueWords);
  return Array.from({ length: count }, (_, at) => ({
    name: `${names[2 * at] ?? ""}_${names[2 * at + 1] ?? ""}`,
    value: `${values[2 * at] ?? ""}-${random.between(100, 999)}-${values[2 * at + 1] ?? ""}`,
  }));
}

/** Two per function in these lines: its parameters, and how its body goes on after the first lines. */
function unitQuestions(lines: readonly string[], units: readonly Unit[], random: SeededRandom): CaseQuestion[] {
  const text = lines.join("\n");
  const questions: CaseQuestion[] = [];
  for (const unit of units.filter(isFunction)) {
    const { startLine, endLine, name } = unit;
    if (endLine > lines.length || text.split(name).length > 6) continue;
    const own = lines.slice(startLine - 1, endLine);
    const depth = startLine / lines.length;
    const declared = own.findIndex((line) => line.includes(name) && unit.signature.includes(line.trim().slice(0, 60)));
    const line = own[declared] ?? "";
    const split = line.indexOf(name) + name.length;
    const answer = line.slice(split);
    if (declared >= 0 && answer.trim().length >= 6) {
      questions.push({ kind: "signature", cue: `\n${line.slice(0, split)}`, answer: shortened(`${answer}\n`), depth });
    }
    const body = own.slice(Math.max(0, declared));
    const first = random.between(1, Math.max(1, Math.min(questionLinesMax, body.length - 2)));
    const next = body[first] ?? "";
    if (declared >= 0 && next.trim().length >= 10 && body.length > first + 1) {
      questions.push({
        kind: "body",
        cue: `\n${body.slice(0, first).join("\n")}\n`,
        answer: shortened(`${next}\n`),
        depth,
      });
    }
  }
  return questions;
}

function shortened(answer: string): string {
  return answer.slice(0, answerCharactersMax);
}
