/**
 * Ignore rules as git applies them: a stack of rule sets, one per folder, the deepest that decides wins. Exclude globs
 * of the editor and the own ignore globs lie on top and cannot be undone by a .gitignore.
 */
import ignore from "ignore";
import type { Ignore } from "ignore";
import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";

/** One set of rules and where it stands: `skip` characters of a path are cut off, `prefix` is put before the rest. */
interface RuleSet {
  readonly rules: Ignore;
  /** A file, or a setting of Precis; null: the editor's exclude settings. */
  readonly source: string | null;
  readonly prefix: string;
  readonly skip: number;
}

export class IgnoreRules {
  readonly #always: readonly RuleSet[];
  /** Shallowest first. */
  readonly #stack: readonly RuleSet[];

  private constructor(always: readonly RuleSet[], stack: readonly RuleSet[]) {
    this.#always = always;
    this.#stack = stack;
  }

  /**
   * `excludeGlobs` are the editor's (anchored at the folder unless they start with `**`/; braces allowed),
   * `ignoreGlobs` are written as in a .gitignore.
   */
  static of({
    excludeGlobs,
    ignoreGlobs,
  }: {
    excludeGlobs: readonly string[];
    ignoreGlobs: readonly string[];
  }): IgnoreRules {
    const excludes = excludeGlobs.flatMap(expandBraces).map(anchored);
    const ignores = ignoreGlobs.flatMap(expandBraces);
    const always: RuleSet[] = [];
    if (excludes.length > 0) always.push(ruleSet(excludes, null, "", 0));
    if (ignores.length > 0) always.push(ruleSet(ignores, "precis.index.ignoreGlobs", "", 0));
    return new IgnoreRules(always, []);
  }

  /**
   * The rules plus those of a .gitignore's text. `folder` is where it stands, relative to the workspace (empty: the
   * workspace itself); `prefix` is set instead for a .gitignore above the workspace: the workspace's path from there,
   * with a slash at the end.
   */
  with(text: string, source: string, folder: string, prefix = ""): IgnoreRules {
    const rules = ruleSet(text.replace(/^\uFEFF/, ""), source, prefix, folder === "" ? 0 : folder.length + 1);
    // A workspace that was opened although git ignores it is wanted: rules that exclude all of it do not count.
    if (prefix !== "" && rules.rules.ignores(prefix)) return this;
    return new IgnoreRules(this.#always, [...this.#stack, rules]);
  }

  /** By which rule the path (a folder's ends with a slash) is excluded; null where it is not. */
  excludes(path: string): { readonly why: Sentence | null; readonly reincluded: boolean } {
    for (const set of this.#always) {
      const result = set.rules.test(path);
      if (result.ignored) return { why: excludedBy(set, result.rule?.pattern), reincluded: false };
    }
    for (let at = this.#stack.length - 1; at >= 0; at -= 1) {
      const set = this.#stack[at];
      if (set === undefined) continue;
      const result = set.rules.test(set.prefix + path.slice(set.skip));
      if (result.ignored) return { why: excludedBy(set, result.rule?.pattern), reincluded: false };
      if (result.unignored) return { why: null, reincluded: at > 0 };
    }
    return { why: null, reincluded: false };
  }

  /**
   * The rules for the inside of a folder that a deeper .gitignore took back (`!build/`): the sets above still apply to
   * what lies in it, but no longer see the folder itself, which they would exclude with everything below.
   */
  inside(folder: string): IgnoreRules {
    const skip = folder.length + 1;
    return new IgnoreRules(
      this.#always,
      this.#stack.map((set) =>
        set.rules.ignores(set.prefix + `${folder}/`.slice(set.skip)) ? { ...set, prefix: "", skip } : set,
      ),
    );
  }
}

function ruleSet(patterns: string | readonly string[], source: string | null, prefix: string, skip: number): RuleSet {
  return { rules: ignore().add(patterns), source, prefix, skip };
}

function excludedBy({ source }: RuleSet, pattern: string | undefined): Sentence {
  if (source === null) {
    return pattern === undefined
      ? sentence("excluded by an exclude setting of the editor")
      : sentence("excluded by `{0}` in an exclude setting of the editor", pattern);
  }
  return pattern === undefined
    ? sentence("excluded by {0}", source)
    : sentence("excluded by `{0}` in {1}", pattern, source);
}

function anchored(glob: string): string {
  const plain = glob.replace(/^\.?\//, "");
  return plain.startsWith("**/") ? plain : `/${plain}`;
}

/** More alternatives than this in one glob are a mistake; the rest is taken literally. */
const alternativesMax = 256;

/** `a.{ts,js}` → `a.ts`, `a.js`; nested braces too. */
export function expandBraces(glob: string): string[] {
  const done: string[] = [];
  const open = [glob];
  while (open.length > 0) {
    const next = open.pop() ?? "";
    const inner = /\{([^{}]*,[^{}]*)\}/.exec(next);
    if (inner === null || done.length + open.length >= alternativesMax) done.push(next);
    else {
      const before = next.slice(0, inner.index);
      const after = next.slice(inner.index + inner[0].length);
      for (const alternative of (inner[1] ?? "").split(",").reverse()) open.push(before + alternative + after);
    }
  }
  return [...new Set(done)];
}
