/** The layout of any other decoder: a file's path and the source text as it is, then a line with the question. */
import type { NativeModel } from "../../native/addon.ts";
import { Failure } from "../protocol/failure.ts";
import { tokenTexts } from "./likelihoodLayout.ts";
import type { ScorerLayout } from "./likelihoodLayout.ts";
import { PieceTokenizer } from "./pieceTokenizer.ts";

/** Tokens of a unit; longer ones lose their end. */
const unitTokensMax = 384;
const questionTokensMax = 96;
/** Between unit and question. It says nothing about either, and is the same for all. */
const introduction = "\nQuestion:";

/** Throws `Failure` modelUnsupported for a model whose context is too short to hold a unit and a question. */
export function rawLayout(model: NativeModel): ScorerLayout {
  const tokenizer = new PieceTokenizer(model);
  const tokenize = (text: string): Int32Array => tokenizer.tokenize(text, { special: false });
  const begin = beginTokens(model);
  const introduced = tokenize(introduction);
  const cells = begin.length + unitTokensMax + introduced.length + questionTokensMax;
  if (model.info.trainedContext < cells) {
    const detail = `its context of ${model.info.trainedContext} tokens is too short for scoring, which takes ${cells}`;
    throw new Failure("modelUnsupported", detail);
  }
  return {
    cells,
    nothing: Int32Array.of(...begin, ...tokenize("\n")),
    prefix(unit) {
      const key = `${unit.path}\n${unit.text}\n`;
      return { key, tokens: () => Int32Array.of(...begin, ...tokenize(key).subarray(0, unitTokensMax)) };
    },
    question(question) {
      const text = question.replace(/\s+/g, " ").trim();
      const asked = text === "" ? new Int32Array(0) : tokenize(` ${text}`).slice(0, questionTokensMax);
      if (asked.length === 0) return null;
      return {
        tokens: Int32Array.of(...introduced, ...asked),
        texts: tokenTexts(model, asked),
        first: introduced.length,
      };
    },
  };
}

/** What models put before a file's path, where they were trained on whole files; else their usual beginning. */
const fileMark = "<|file_sep|>";

function beginTokens(model: NativeModel): readonly number[] {
  const mark = model.tokenize(fileMark, { special: true });
  if (mark.length === 1) return [...mark];
  const { addBos, tokens } = model.info;
  return addBos && tokens.bos >= 0 ? [tokens.bos] : [];
}
