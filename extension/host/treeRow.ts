/** A row of one of the trees, without VS Code: what it shows and what can be done with it. */
export interface TreeRow {
  readonly label: string;
  readonly description: string;
  readonly icon: string;
  readonly tooltip: string;
  /** Whether it has rows below it, and shows them at once. */
  readonly below: "none" | "collapsed" | "expanded";
  /** Words for the `when` of its menus, e.g. `unit pin drop`. */
  readonly context?: string;
  /** Run by a click or Enter. */
  readonly command?: { readonly name: string; readonly argument: unknown };
  /** What a screen reader says; without it, label and description. */
  readonly spoken?: string;
}
