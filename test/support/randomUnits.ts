/** Random files and units cut from them, as fast-check values. */
import fc from "fast-check";
import { sentence } from "../../extension/protocol/sentence.ts";
import type { RankedUnit, Unit } from "../../extension/protocol/units.ts";
import { makeUnit } from "./memoryUnits.ts";

/** Any text, control characters, other scripts and lone surrogates included. */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const ascii = fc.integer({ min: 0, max: 0x7f });
  const any = fc.integer({ min: 0, max: 0xffff });
  const codes = fc.array(fc.oneof({ weight: 3, arbitrary: ascii }, { weight: 1, arbitrary: any }), { maxLength });
  return codes.map((list) => String.fromCharCode(...list));
}

export interface RandomFile {
  readonly path: string;
  /** Line n is `lines[n - 1]`. */
  readonly lines: readonly string[];
  readonly units: readonly Unit[];
}

/** Lines that could be mistaken for the prompt's own signs are among them. */
const line = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, "")) },
  { weight: 1, arbitrary: fc.constantFrom("```", "````ts", "### other.ts:1-2", "<|im_end|>", "# Question", "}", "") },
);

const languages = ["typescript", "python"] as const;

/** A file with a class of methods and functions behind it. */
export const randomFile: fc.Arbitrary<RandomFile> = fc
  .record({
    name: fc.constantFrom("a", "b", "c"),
    folder: fc.constantFrom("src", "lib/x"),
    language: fc.constantFrom(...languages),
    methods: fc.array(fc.array(line, { minLength: 1, maxLength: 12 }), { maxLength: 4 }),
    functions: fc.array(fc.array(line, { minLength: 1, maxLength: 30 }), { maxLength: 3 }),
  })
  .map(({ name, folder, language, methods, functions }) => {
    const path = `${folder}/${name}.${language === "python" ? "py" : "ts"}`;
    const opening = language === "python" ? ":" : " {";
    const lines = [`class Thing${opening}`];
    const header = [{ startLine: 1, endLine: 1 }];
    const units: Unit[] = [];
    const cut = (body: readonly string[], kind: "method" | "function", number: number) => {
      const startLine = lines.length + 1;
      const signature = `${kind} ${kind}${number}()`;
      lines.push(`${signature}${opening}`, ...body, "}");
      units.push(
        makeUnit({
          path,
          ordinal: units.length + 1,
          name: `${kind}${number}`,
          kind,
          language,
          signature,
          startLine,
          text: lines.slice(startLine - 1).join("\n"),
        }),
      );
      return startLine;
    };
    methods.forEach((body, number) => {
      const startLine = cut(body, "method", number);
      header.push({ startLine, endLine: startLine });
    });
    lines.push("}");
    header.push({ startLine: lines.length, endLine: lines.length });
    const text = header.map((range) => lines[range.startLine - 1] ?? "").join("\n");
    functions.forEach((body, number) => cut(body, "function", number));
    units.push(
      makeUnit({ path, name: "Thing", kind: "class", language, signature: `class Thing`, text, ranges: header }),
    );
    return { path, lines, units };
  });

/** Files of different paths. */
export const randomFiles = fc.uniqueArray(randomFile, { minLength: 1, maxLength: 4, selector: (file) => file.path });

/** All units of some files in a random order, with falling scores. */
export const randomRanking = randomFiles.chain((files) => {
  const units = files.flatMap((file) => file.units);
  return fc.shuffledSubarray(units, { minLength: 0 }).map((chosen) => ({
    files,
    ranked: chosen.map((unit, place): RankedUnit => ({ unit, score: 100 - place, reasons: [sentence("chosen")] })),
  }));
});

/**
 * Reads the lines back out of rendered units: pairs of line number and text. Throws where the text is not what
 * `renderUnit` writes.
 */
export function readRendered(text: string): { path: string; lines: { number: number; text: string }[] } {
  const [header = "", open = "", ...rest] = text.split("\n");
  const place = /^### (.+):(\d+)-(\d+)$/.exec(header);
  const fence = /^(`{3,})\w+$/.exec(open)?.[1];
  if (place === null || fence === undefined) throw new Error(`no header and fence: ${header} ${open}`);
  const end = rest.indexOf(fence);
  if (end < 0 || rest.slice(end + 1).join("\n") !== "\n") throw new Error("the fence does not end the unit");
  const lines: { number: number; text: string }[] = [];
  let next = Number(place[2]);
  for (const content of rest.slice(0, end)) {
    const mark = /^\s*(?:(?:[})\]]|end)+:? )?(?:\/\/ \.\.\.|# \.\.\.|\.\.\. {2}#) lines? (\d+)(?:-(\d+))?$/.exec(
      content,
    );
    if (mark !== null && Number(mark[1]) === next) next = Number(mark[2] ?? mark[1]) + 1;
    else lines.push({ number: next++, text: content });
  }
  if (next !== Number(place[3]) + 1) throw new Error(`ends before line ${next}, not after ${place[3] ?? ""}`);
  return { path: place[1] ?? "", lines };
}
