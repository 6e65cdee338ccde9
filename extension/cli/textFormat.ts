/** Width that text output is laid out for. */
export const columns = 100;

const numberFormat = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const shortFormat = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** A whole number with thousands separators. */
export function count(value: number): string {
  return numberFormat.format(value);
}

/** A number with one digit after the point. */
export function decimal(value: number): string {
  return shortFormat.format(value);
}

/** `1 file`, `3,120 files`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${value === 1 ? noun : `${noun}s`}`;
}

export function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let amount = value;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? count(amount) : decimal(amount)} ${units[unit] ?? ""}`;
}

/** Joins parts with `separator`, starting a new indented line where a line would get longer than `columns`. */
export function wrap(parts: readonly string[], options: { separator: string; indent: string; first?: string }): string {
  const lines: string[] = [];
  let line = options.first ?? options.indent;
  let empty = true;
  for (const part of parts) {
    const longer = empty ? line + part : line + options.separator + part;
    if (!empty && longer.length > columns) {
      lines.push(line + options.separator.trimEnd());
      line = options.indent + part;
    } else {
      line = longer;
    }
    empty = false;
  }
  lines.push(line);
  return lines.join("\n");
}

/** Rows of cells as aligned columns: `left` cells are padded on the right, `right` ones on the left. */
export function table(
  rows: readonly (readonly string[])[],
  alignment: readonly ("left" | "right")[],
  indent: string,
): string {
  const widths = alignment.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return alignment[column] === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line) => indent + line).join("\n");
}

/** A heading above a rule. */
export function heading(text: string): string {
  return `${text}\n${"─".repeat(Math.min(columns, text.length))}`;
}
