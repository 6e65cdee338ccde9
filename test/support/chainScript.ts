import { writeChainModel } from "./chainModel.ts";

/** Sentences without an end. */
const endless = ["▁the", "▁water", "▁comes", "▁and", "▁then", "▁stops", ".", "<0x0A>", "▁the"] as const;

/**
 * Writes a model that answers anything with sentences without an end, slowly: reading a few hundred tokens takes seconds,
 * and so does writing as many.
 */
export async function writeEndlessModel(file: string): Promise<void> {
  await writeChainModel({ file, chains: [endless], otherwise: endless[0], layers: 8, feedForward: 4096 });
}

/**
 * What the chain model of the editor tests knows by heart. Behind `=` it writes ` sum(readings);`, and on a line that is
 * indented by two blanks a statement of two lines.
 */
export const editorChains: readonly (readonly string[])[] = [
  ["▁=", "▁sum", "(", "read", "ings", ");", "</s>"],
  ["▁▁", "if", "▁(", "left", ")", "<0x0A>", "▁▁▁▁", "return", ";", "</s>"],
];
export const afterEquals = " sum(readings);";
export const onIndentedLine = "if (left)\n    return;";
