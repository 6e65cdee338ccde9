/**
 * What prompt-lookup decoding would save: drafts of what followed the last tokens where they stood before, counted
 * against what the model did write. Every draft that is checked costs one step, and so does a token without a draft.
 */
export interface LookupFigures {
  readonly tokens: number;
  readonly steps: number;
  readonly drafted: number;
  readonly accepted: number;
}

const keyTokens = 3;
const draftTokens = 8;

export function lookupFigures(prompt: readonly number[], written: readonly number[]): LookupFigures {
  const all = [...prompt];
  let steps = 0;
  let drafted = 0;
  let accepted = 0;
  for (let at = 0; at < written.length;) {
    const draft = draftAfter(all);
    let right = 0;
    while (right < draft.length && draft[right] === written[at + right]) right += 1;
    // The step that checks a draft also gives the token after what was right.
    const gained = Math.min(right + 1, written.length - at);
    all.push(...written.slice(at, at + gained));
    at += gained;
    steps += 1;
    drafted += draft.length;
    accepted += right;
  }
  return { tokens: written.length, steps, drafted, accepted };
}

/** What followed the last place that ends with the same tokens; empty where there is none. */
function draftAfter(tokens: readonly number[]): number[] {
  const key = tokens.slice(-keyTokens);
  for (let end = tokens.length - 1; end >= keyTokens; end -= 1) {
    if (key.every((token, at) => tokens[end - keyTokens + at] === token)) return tokens.slice(end, end + draftTokens);
  }
  return [];
}
