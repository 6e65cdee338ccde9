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
