import type { ConversationTurn } from "../protocol/units.ts";
import { parseQuestion } from "./question.ts";

/** A question of so few words leans on what was said before, unless it names something of its own. */
const wordsAlone = 2;
/** Further back than this, a conversation is about something else. */
const turnsBack = 3;
const leaning =
  /^(?:and|but|so|then|also|or|what about|how about|why)\b|\b(?:it|its|they|them|their|this|that|these|those|there|the same|above|instead)\b/i;

/**
 * The text that a question of a conversation is ranked by: a follow-up ("and where is it tested?") together with the
 * questions it follows, newest first, back to one that stands for itself; any other question alone.
 */
export function rankedText(question: string, history: readonly ConversationTurn[]): string {
  const texts = [question];
  for (const turn of history.toReversed().slice(0, turnsBack)) {
    if (!isFollowUp(texts.at(-1) ?? "")) break;
    texts.push(turn.question);
  }
  return texts.join("\n");
}

function isFollowUp(text: string): boolean {
  const { identifiers, paths, lines, words, isSymbol } = parseQuestion(text);
  // A single plain word may be a name, but in a conversation "tests?" is none.
  const isName = (written: string) => !isSymbol || /[\p{Lu}_.]/u.test(written);
  const namesSomething = identifiers.some(({ certain, qualified }) => certain && isName(qualified));
  if (paths.length > 0 || lines.length > 0 || namesSomething) return false;
  return words.length <= wordsAlone || leaning.test(text);
}
