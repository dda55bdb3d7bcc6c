/** One line of the account. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  /** What has to be reached, and what one would like to reach; empty where nothing is asked. */
  readonly must: string;
  readonly goal: string;
  /** Whether the must is reached; null where none is. */
  readonly reached: boolean | null;
  /** Missing it fails the bench. */
  readonly gate: boolean;
}

const widths = [34, 17, 10, 8, 7] as const;

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(" ")
    .trimEnd();
}

function standing({ reached, gate }: Row): string {
  if (reached === null) return "";
  return reached ? "ok" : gate ? "MISSED" : "not yet";
}

/** The table, at most 80 columns wide as long as its cells are. */
export function printTable(rows: readonly Row[]): string {
  const body = rows.map((row) => line([row.what, row.measured, row.must, row.goal, standing(row)]));
  return [line(["what", "measured", "must", "goal", ""]), line(widths.map((width) => "-".repeat(width))), ...body].join(
    "\n",
  );
}

/** Whether a row that counts is missed. */
export function isMissed({ reached, gate }: Row): boolean {
  return gate && reached === false;
}
