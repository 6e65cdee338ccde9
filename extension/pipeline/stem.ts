/** Shorter words have no ending worth cutting. */
const stemmedLettersMin = 4;
/** What must be left of a word when a long ending or a one-letter ending is cut. */
const restLettersMin = 4;
const restLettersShortMin = 3;

/** Longest first, so that "validation" loses "ation" and not "ion". One ending is cut. */
const endings = [
  "ization",
  "ations",
  "izing",
  "ation",
  "ating",
  "ators",
  "ated",
  "ator",
  "ates",
  "ment",
  "able",
].concat(["ings", "ions", "ing", "ion", "ate", "ive", "ers", "ors", "ed", "er", "or", "al", "ly", "e"]);

/**
 * The part of an English word that its forms share: `retries`, `retried` and `retrying` → `retry`; `router`, `routing`
 * and `routes` → `rout`. Coarse on purpose: code names things by any form of a word. Words with other letters than
 * a–z are returned as they are.
 */
export function stemWord(word: string): string {
  if (word.length < stemmedLettersMin || !/^[a-z]+$/.test(word)) return word;
  const stem = withoutPlural(word);
  if (stem.endsWith("ied") && stem.length > 4) return `${stem.slice(0, -3)}y`;
  for (const ending of endings) {
    const rest = stem.length - ending.length;
    if (rest >= (ending.length > 1 ? restLettersMin : restLettersShortMin) && stem.endsWith(ending)) {
      return withoutDoubling(stem.slice(0, rest));
    }
  }
  return stem;
}

/**
 * The word itself and forms of it that code is likely to use, all with the same stem; at most 30, the word first.
 * A word index knows words as written, so a question about "retrying" has to ask for each form.
 */
export function wordForms(word: string): string[] {
  const stem = stemWord(word);
  const forms = new Set([word]);
  if (/^[a-z]{3,}$/.test(word)) {
    const last = stem.at(-1) ?? "";
    const bases = stem.endsWith("y") ? [stem, stem.slice(0, -1)] : [stem, stem + last];
    for (const base of bases) {
      for (const ending of formEndings) {
        const form = base + ending;
        if (stemWord(form) === stem) forms.add(form);
      }
    }
  }
  return [...forms].slice(0, formsMax);
}

const formsMax = 30;
const formEndings = ["", "s", "e", "es", "ed", "er", "ers", "ing", "ings", "or", "ors", "ion", "ions", "ate"].concat([
  "ates",
  "ated",
  "ating",
  "ator",
  "ation",
  "ations",
  "ment",
  "able",
  "ive",
  "al",
  "ly",
  "ies",
  "ied",
]);

/** `running` and `run` share a stem; `l`, `s` and `z` are doubled in many words as they are (`call`, `pass`). */
function withoutDoubling(stem: string): string {
  const last = stem.at(-1) ?? "";
  return last === stem.at(-2) && !"lsz".includes(last) ? stem.slice(0, -1) : stem;
}

function withoutPlural(word: string): string {
  if (word.endsWith("ies") && word.length > 4) return `${word.slice(0, -3)}y`;
  if (word.endsWith("sses") || word.endsWith("xes")) return word.slice(0, -2);
  if (word.endsWith("s") && !"suia".includes(word.at(-2) ?? "s")) return word.slice(0, -1);
  return word;
}
