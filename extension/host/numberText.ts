/** For people: `812 KiB`, `34 MiB`, `1.2 GiB`. */
export function bytes(count: number): string {
  if (count < 1024 ** 2) return `${(count / 1024).toFixed(0)} KiB`;
  if (count < 1024 ** 3) return `${(count / 1024 ** 2).toFixed(0)} MiB`;
  return `${(count / 1024 ** 3).toFixed(1)} GiB`;
}

/** With thousands separators. */
export function number(value: number): string {
  return value.toLocaleString("en-US");
}
