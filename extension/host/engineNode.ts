/** A row of the Engine view. */
export interface EngineNode {
  readonly label: string;
  readonly description: string;
  readonly icon: string;
  readonly tooltip?: string;
  readonly context?: string;
  readonly command?: string;
  readonly children?: readonly EngineNode[];
}
