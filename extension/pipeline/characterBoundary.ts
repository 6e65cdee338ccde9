/** So much on each side of the cursor is looked at: no character that a reader sees as one is longer. */
const reach = 64;

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Whether a cursor between two texts stands between characters as a reader sees them: not between the halves of a
 * surrogate pair, not in front of a combining mark, not within an emoji of several parts.
 */
export function isCharacterBoundary(before: string, after: string): boolean {
  const left = before.slice(-reach);
  const right = after.slice(0, reach);
  if (left === "" || right === "") return true;
  return segmenter.segment(left + right).containing(left.length)?.index === left.length;
}
