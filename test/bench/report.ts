/** What a benchmark prints: tables as it goes, and one line of JSON at the end. */

export type Cell = string | number | null;

export class Report {
  /** One sentence per row that could not be measured. */
  readonly skipped: string[] = [];
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  line(text: string): void {
    this.#write(`${text}\n`);
  }

  skip(sentence: string): void {
    this.skipped.push(sentence);
    this.line(`skipped: ${sentence}`);
  }

  /** The first column is aligned to the left, the others to the right. */
  table(title: string, header: readonly string[], rows: readonly (readonly Cell[])[]): void {
    this.line(`\n${title}`);
    for (const line of alignedTable(header, rows)) this.line(line);
  }

  /** The last line; `figures` with numbers of five digits. */
  finish(figures: Readonly<Record<string, unknown>>): void {
    this.line(JSON.stringify({ ...figures, skipped: this.skipped }, roundedNumber));
  }
}

/** Numbers get three decimals, whole ones and those from 1000 on none; null is an empty cell. */
export function alignedTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = [header, ...rows.map((row) => row.map(cellText))];
  const widths = header.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? "").length)));
  return texts.map((row) =>
    widths
      .map((width, column) => (column === 0 ? (row[column] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)))
      .join("  ")
      .trimEnd(),
  );
}

/** `+0.033 [0.011, 0.054]` */
export function intervalText({ mean, low, high }: { mean: number; low: number; high: number }): string {
  return `${mean < 0 ? "" : "+"}${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function cellText(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell) || Math.abs(cell) >= 1000) return Math.round(cell).toLocaleString("en-US");
  return cell.toFixed(3);
}

function roundedNumber(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}

/** Figures for a committed file: three decimals, and no times, which differ from run to run. */
export function baselineText(figures: Readonly<Record<string, unknown>>): string {
  const rounded = (key: string, value: unknown): unknown => {
    if (key === "ms" || /Ms$|seconds/i.test(key)) return undefined;
    return typeof value === "number" ? Number(value.toFixed(3)) : value;
  };
  return `${JSON.stringify(figures, rounded, 2)}\n`;
}
