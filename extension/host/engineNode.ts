/** A row of the Engine view. */
export interface EngineNode {
  readonly label: string;
  readonly description: string;
  readonly icon: string;
  readonly tooltip?: string;
  readonly context?: string;
  readonly command?: string;
  /** What the command is given. */
  readonly argument?: unknown;
  readonly children?: readonly EngineNode[];
}
