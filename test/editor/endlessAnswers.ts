/** An assistant whose answers end when they are stopped, and not before: for what a person does while one is written. */
import path from "node:path";
import { writeEndlessModel } from "../support/chainModel.ts";

/** Writes the model into the folder; resolves to the machine's settings with which it answers. */
export async function endlessAnswers(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const model = path.join(folder, "endless.gguf");
  await writeEndlessModel(model);
  return {
    "precis.model.assistant": model,
    // Minutes of writing, on the fastest machine: a browser that is slow to press Stop still finds an answer to stop.
    "precis.budget.contextTokens": 24_576,
    "precis.budget.answerTokens": 16_384,
  };
}
