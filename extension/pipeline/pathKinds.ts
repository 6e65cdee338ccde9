export const pathKinds = ["tests", "examples", "docs", "vendored", "generated"] as const;
/** What a file is when it is not the program itself. */
export type PathKind = (typeof pathKinds)[number];

/** Recognised by folder or file name; the first that matches counts. */
const patterns: Readonly<Record<PathKind, RegExp>> = {
  vendored: /(^|\/)(vendor|vendored|third[_-]?party|node_modules|bower_components|externals?|deps)\//i,
  generated: /(^|\/)(generated|__generated__|autogen)\/|[._](generated|gen|g|pb|designer)\.\w+$|_pb2(_grpc)?\.py$/i,
  tests:
    /(^|\/)(tests?|testing|testdata|__tests__|__mocks__|specs?|fixtures?|mocks?|e2e|bench(es|marks?)?)\/|(^|\/)(test_|conftest)|[._-](test|tests|spec|bench|mock)\.\w+$|(^|\/)\w+Tests?\.(java|cs|kt|scala|swift|php)$/i,
  examples: /(^|\/)(examples?|samples?|demos?|tutorials?|playground|sandbox)\//i,
  docs: /(^|\/)(docs?|documentation|website)\/|\.(md|mdx|rst|adoc|txt)$/i,
};

/** The kind of a file by its path; null for the program's own code. */
export function pathKind(path: string): PathKind | null {
  for (const kind of ["vendored", "generated", "tests", "examples", "docs"] as const) {
    if (patterns[kind].test(path)) return kind;
  }
  return null;
}
