import { readFile } from "node:fs/promises";
import { Failure } from "../protocol/failure.ts";

/**
 * Questions of a file with one JSON string, or one object with a string `query`, per line; empty lines are left out.
 * Fails with `questionsFileInvalid`, naming the line.
 */
export async function readQuestions(file: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new Failure("questionsFileInvalid", error instanceof Error ? error.message : file, { cause: error });
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    const question = questionOf(line);
    if (question === null) throw new Failure("questionsFileInvalid", `${file}, line ${index + 1}`);
    return [question];
  });
}

function questionOf(line: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "query" in value && typeof value.query === "string") {
    return value.query;
  }
  return null;
}
