/**
 * Drafts of what a model will write: code repeats itself, so what followed the same tokens before may follow them again. A
 * draft costs little to check, since a model decodes several tokens at once faster than one by one.
 */

/** What follows is looked up by so many tokens. */
const keyTokens = 3;

/** What followed the last earlier place that ends with the same tokens, at most `draftTokens`; empty where there is none. */
export function draftAfter(tokens: readonly number[], draftTokens: number): readonly number[] {
  const last = tokens.length - 1;
  if (draftTokens <= 0) return [];
  for (let end = last; end >= keyTokens; end -= 1) {
    let same = 0;
    while (same < keyTokens && tokens[end - 1 - same] === tokens[last - same]) same += 1;
    if (same === keyTokens) return tokens.slice(end, end + draftTokens);
  }
  return [];
}
