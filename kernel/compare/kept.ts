import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Tally } from "./tally.ts";

interface Line {
  readonly key: string;
  readonly slice: number;
  readonly tally: Tally;
}

/**
 * Tallies of slices in a file, a line each, so that a long comparison goes on where it was stopped. Lines of another
 * key (another kernel, other code) are nobody's. Without a file nothing is kept.
 */
export class KeptSlices {
  private readonly file: string | null;
  private readonly key: string;
  private readonly known = new Map<number, Tally>();

  constructor(file: string | null, key: string) {
    this.file = file;
    this.key = key;
    if (file === null || !existsSync(file)) return;
    const lines = readFileSync(file, "utf8").split("\n");
    const whole = lines.flatMap((text): Line[] => readLine(text) ?? []);
    // A line that was being written when the run was stopped would spoil the one after it.
    if (whole.length < lines.length - 1 || lines.at(-1) !== "")
      writeFileSync(file, whole.map((line) => `${JSON.stringify(line)}\n`).join(""));
    for (const line of whole) if (line.key === key) this.known.set(line.slice, line.tally);
  }

  get(slice: number): Tally | undefined {
    return this.known.get(slice);
  }

  add(slice: number, tally: Tally): void {
    this.known.set(slice, tally);
    if (this.file !== null) appendFileSync(this.file, `${JSON.stringify({ key: this.key, slice, tally })}\n`);
  }
}

function readLine(text: string): Line[] | null {
  try {
    const line = JSON.parse(text) as Line;
    return typeof line.key === "string" && typeof line.slice === "number" ? [line] : null;
  } catch {
    return null;
  }
}
