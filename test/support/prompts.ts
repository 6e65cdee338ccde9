/** Prompts made of few words, for what shows them. */
import { sentence } from "../../extension/protocol/sentence.ts";
import type { DroppedUnit, Prompt, PromptPiece, UnitReference } from "../../extension/protocol/units.ts";

export function unitReference(name: string, over: Partial<UnitReference> = {}): UnitReference {
  const path = `src/${name}.ts`;
  return { id: `${path}#0`, path, kind: "function", name, qualifiedName: name, startLine: 3, endLine: 9, ...over };
}

export function promptOf(
  pieces: readonly (Partial<PromptPiece> & Pick<PromptPiece, "share" | "tokensSent">)[],
  over: Partial<Prompt> = {},
): Prompt {
  const whole = pieces.map((piece): PromptPiece => ({
    text: "text",
    tokensRaw: piece.tokensSent,
    reasons: [],
    ...piece,
  }));
  return {
    question: "Which valve?",
    pieces: whole,
    dropped: [],
    budgetTokens: 1000,
    answerReserveTokens: 200,
    tokensSent: whole.reduce((sum, { tokensSent }) => sum + tokensSent, 0),
    tokensRaw: whole.reduce((sum, { tokensRaw }) => sum + tokensRaw, 0),
    tokenizer: "test",
    ...over,
  };
}

export function droppedOf(name: string, over: Partial<DroppedUnit> = {}): DroppedUnit {
  const why = sentence("needs {0} tokens, {1} were left", 40, 12);
  return { unit: unitReference(name), score: 1, tokensRaw: 40, why, ...over };
}
