/** For the default branch of a total switch: a compile error when a case is missing, and an error at run time. */
export function unreachable(value: never): never {
  throw new Error(`Unexpected value: ${JSON.stringify(value)}`);
}
