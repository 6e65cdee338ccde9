/** Whether what is left of a unit is still code of its language. */
import type { Unit } from "../protocol/units.ts";
import type { Grammar } from "./ports.ts";
import { renderChosen, unitLines } from "./rendering.ts";

/** Text before and after a unit that cannot stand at the top of a file. */
type Frame = readonly [before: string, after: string];

const bare: Frame = ["", ""];
const inClass: Frame = ["class Precis {\n", "\n}\n"];
const inObject: Frame = ["const precis = {\n", "\n};\n"];
const inFunction: Frame = ["function precis() {\n", "\n}\n"];
const inSwitch: Frame = ["switch (precis) {\n", "\n}\n"];
const frames: Readonly<Record<string, readonly Frame[]>> = {
  javascript: [inClass, inObject, inFunction],
  typescript: [inClass, ["interface Precis {\n", "\n}\n"], inObject, inFunction],
  tsx: [inClass, ["interface Precis {\n", "\n}\n"], inObject, inFunction],
  java: [inClass, ["interface Precis {\n", "\n}\n"], ["enum Precis { A;\n", "\n}\n"]],
  csharp: [inClass, ["interface Precis {\n", "\n}\n"]],
  kotlin: [inClass],
  scala: [inClass],
  swift: [inClass],
  php: [
    ["<?php\n", "\n"],
    ["<?php\nclass Precis {\n", "\n}\n"],
    ["<?php\ninterface Precis {\n", "\n}\n"],
  ],
  cpp: [
    ["struct Precis {\n", "\n};\n"],
    ["void precis() {\n", "\n}\n"],
  ],
  c: [["void precis() {\n", "\n}\n"], inSwitch],
  rust: [
    ["impl Precis {\n", "\n}\n"],
    ["trait Precis {\n", "\n}\n"],
  ],
  go: [["func precis() {\n", "\n}\n"]],
  python: [["class Precis:\n", "\n"]],
};

/** Parses units and what was left of them, each once. Grammars are given by language id; null where there is none. */
export class UnitSyntax {
  readonly #grammarOf: (language: string) => Grammar | null;
  readonly #lineComment: (language: string) => string;
  readonly #whole = new Map<string, { readonly frame: Frame; readonly errors: number }>();

  constructor(grammarOf: (language: string) => Grammar | null, lineComment: (language: string) => string) {
    this.#grammarOf = grammarOf;
    this.#lineComment = lineComment;
  }

  /** Whether the whole unit parses, by itself or in a class or function; null without a grammar. */
  isWhole(unit: Unit): boolean | null {
    const grammar = this.#grammarOf(unit.language);
    return grammar === null ? null : this.#frameOf(unit, grammar).errors === 0;
  }

  /** Whether these lines of the unit have no more syntax errors than the whole unit; null without a grammar. */
  parses(unit: Unit, lines: readonly number[]): boolean | null {
    const grammar = this.#grammarOf(unit.language);
    if (grammar === null) return null;
    const { frame, errors } = this.#frameOf(unit, grammar);
    return errorsIn(this.#textOf(unit, lines), frame, grammar) <= errors;
  }

  /** The first frame without errors, else the one with the fewest. */
  #frameOf(unit: Unit, grammar: Grammar): { readonly frame: Frame; readonly errors: number } {
    const known = this.#whole.get(unit.id);
    if (known !== undefined) return known;
    const text = this.#textOf(unit, unitLines(unit));
    let best = { frame: bare, errors: Number.POSITIVE_INFINITY };
    for (const frame of unit.language === "php" ? (frames["php"] ?? []) : [bare, ...(frames[unit.language] ?? [])]) {
      const errors = errorsIn(text, frame, grammar);
      if (errors < best.errors) best = { frame, errors };
      if (errors === 0) break;
    }
    this.#whole.set(unit.id, best);
    return best;
  }

  #textOf(unit: Unit, lines: readonly number[]): string {
    return renderChosen(unit, lines, this.#lineComment(unit.language));
  }
}

function errorsIn(text: string, [before, after]: Frame, grammar: Grammar): number {
  const tree = grammar.parse(`${before}${text}${after}`);
  return tree.stopped === null ? tree.errorRows.length : Number.POSITIVE_INFINITY;
}
