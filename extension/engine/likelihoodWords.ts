/** The layout of the embedded model: a stream of lower-case words with marks between path, code and question. */
import type { NativeModel } from "../../native/addon.ts";
import {
  headTokensMax,
  prefixTokensMax,
  questionTokensMax,
  questionWords,
  streamText,
  unitPrefixWords,
} from "../pipeline/scorerText.ts";
import { tokenTexts } from "./likelihoodLayout.ts";
import type { ScorerLayout } from "./likelihoodLayout.ts";

/** The last tokens of the vocabulary, in this order; see models/scorer. */
const marks = ["<|bos|>", "<|eos|>", "<|query|>", "<|sep|>"] as const;

/** Whether the vocabulary ends with the marks that only the embedded model has. */
export function isWordModel(model: NativeModel): boolean {
  const first = model.info.vocabulary - marks.length;
  if (first < 0) return false;
  const decoder = new TextDecoder();
  return marks.every(
    (mark, at) => decoder.decode(model.detokenize(Int32Array.of(first + at), { special: true })) === mark,
  );
}

export function wordLayout(model: NativeModel): ScorerLayout {
  const end = model.info.vocabulary;
  const [begin, finish, ask, separator] = [end - 4, end - 3, end - 2, end - 1];
  const tokenize = (words: readonly string[]): Int32Array =>
    words.length === 0 ? new Int32Array(0) : model.tokenize(streamText(words), { special: false });
  return {
    cells: 1 + prefixTokensMax + 1 + questionTokensMax + 1,
    nothing: Int32Array.of(begin),
    prefix(unit) {
      const words = unitPrefixWords(unit);
      return {
        key: `${streamText(words.head)}\n${streamText(words.body)}`,
        tokens() {
          const head = tokenize(words.head).slice(0, headTokensMax);
          const body = tokenize(words.body).slice(0, prefixTokensMax - head.length - 1);
          return Int32Array.of(begin, ...head, separator, ...body);
        },
      };
    },
    question(question) {
      const asked = tokenize(questionWords(question)).slice(0, questionTokensMax);
      if (asked.length === 0) return null;
      return {
        tokens: Int32Array.of(ask, ...asked, finish),
        texts: [...tokenTexts(model, asked), ""],
        first: 1,
      };
    },
  };
}
