/** How a model wants to be told what is to be filled in. */
import type { FillInOrder } from "../protocol/complete.ts";

/** What is known of a model's vocabulary. */
export interface FillInModel {
  /** Token ids from the GGUF; −1 where it names none. */
  readonly tokens: { readonly fimPrefix: number; readonly fimSuffix: number; readonly fimMiddle: number };
  /** The id of a control token by its text; −1 where the vocabulary has no such token. */
  readonly tokenOf: (text: string) => number;
  /** The GGUF key `precis.fill_in`; null where it is missing. */
  readonly declared: string | null;
  /** The token that begins every prompt; −1 where the model wants none. */
  readonly bos: number;
}

/** The texts that a prompt is made of. `context` is the stable part where it is written as a comment. */
export type FillInText = "context" | "files" | "header" | "prefix" | "suffix";

/** A part of a prompt: a control token, or one of the texts. */
export type FillInPart = { readonly token: number } | { readonly text: FillInText };

export interface FillInFormat {
  readonly order: FillInOrder;
  /** The whole prompt, in order. */
  readonly parts: readonly FillInPart[];
  /** Begins a file of the stable part; −1: the stable part is a comment. */
  readonly fileSeparator: number;
  /** What a generation ends at, besides the model's own ends. */
  readonly stopTokens: readonly number[];
}

/**
 * The layout for one model. Prefix, suffix, middle is what Qwen, StarCoder, DeepSeek, CodeLlama and CodeGemma learned;
 * Codestral has `[SUFFIX]…[PREFIX]…`; Precis' own model reads the suffix first and then goes on where the prefix ends,
 * with no mark in between. What has no such tokens gets the prefix only. The stable part comes first wherever the
 * model's tokens allow that: as files of their own before the open one, or as a comment at its beginning.
 */
export function fillInFormat(model: FillInModel): FillInFormat {
  const fileSeparator = firstToken(model, fileSeparators);
  const { order, prefix, suffix, middle } = marksOf(model);
  const bos: FillInPart[] = model.bos < 0 ? [] : [{ token: model.bos }];
  const files: FillInPart[] =
    fileSeparator < 0 ? [] : [{ text: "files" }, { token: fileSeparator }, { text: "header" }];
  const before: FillInPart[] = fileSeparator < 0 ? [{ text: "context" }, { text: "prefix" }] : [{ text: "prefix" }];
  const suffixText: FillInPart = { text: "suffix" };
  const marks = [prefix, suffix, middle, fileSeparator, firstToken(model, repositoryNames)];
  return {
    order,
    parts: [...bos, ...arranged()],
    fileSeparator,
    stopTokens: marks.filter((token) => token >= 0),
  };

  function arranged(): FillInPart[] {
    switch (order) {
      case "prefix-suffix-middle":
        return [...files, { token: prefix }, ...before, { token: suffix }, suffixText, { token: middle }];
      case "suffix-prefix-middle":
        // Its suffix must come first of all, so the stable part stands behind it.
        return [{ token: suffix }, suffixText, { token: prefix }, ...before];
      case "suffix-first":
        return [...files, { token: prefix }, { token: suffix }, suffixText, { token: middle }, ...before];
      case "prefix-only":
        return [...files, ...before];
    }
  }
}

interface Marks {
  readonly order: FillInOrder;
  readonly prefix: number;
  readonly suffix: number;
  readonly middle: number;
}

const noMarks: Marks = { order: "prefix-only", prefix: -1, suffix: -1, middle: -1 };

/** What a model declares of itself if it must not be asked to fill in, although it has the tokens. */
export const noFillIn = "none";

const fileSeparators = ["<|file_sep|>", "<file_sep>", "<|file_separator|>"];
const repositoryNames = ["<|repo_name|>", "<repo_name>", "<reponame>"];
/** Marks of models whose GGUF does not name them by its own keys. */
const markTexts: readonly (readonly [prefix: string, suffix: string, middle: string])[] = [
  ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
  ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
  ["<fim-prefix>", "<fim-suffix>", "<fim-middle>"],
  ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
  ["<PRE>", "<SUF>", "<MID>"],
  ["▁<PRE>", "▁<SUF>", "▁<MID>"],
  ["<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"],
];

function marksOf(model: FillInModel): Marks {
  if (model.declared === noFillIn) return noMarks;
  const { fimPrefix, fimSuffix, fimMiddle } = model.tokens;
  // Codestral has a [MIDDLE] token as well, but was not trained to fill in with it.
  const [prefix, suffix] = [model.tokenOf("[PREFIX]"), model.tokenOf("[SUFFIX]")];
  if (prefix >= 0 && suffix >= 0) return { order: "suffix-prefix-middle", prefix, suffix, middle: -1 };
  const named: Marks = { order: "prefix-suffix-middle", prefix: fimPrefix, suffix: fimSuffix, middle: fimMiddle };
  const byText = markTexts.map((texts): Marks => {
    const [first, second, third] = texts.map((text) => model.tokenOf(text));
    return { order: "prefix-suffix-middle", prefix: first ?? -1, suffix: second ?? -1, middle: third ?? -1 };
  });
  const marks = [named, ...byText].find((each) => each.prefix >= 0 && each.suffix >= 0 && each.middle >= 0);
  if (marks === undefined) return noMarks;
  return model.declared === "suffix-first" ? { ...marks, order: "suffix-first" } : marks;
}

function firstToken(model: FillInModel, texts: readonly string[]): number {
  return texts.map((text) => model.tokenOf(text)).find((token) => token >= 0) ?? -1;
}
