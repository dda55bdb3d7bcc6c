import type { Line } from "./line.ts";

/** What a line far below says began here. */
export interface Beginning {
  readonly word: "attach" | "detach";
  /** The line that told. */
  readonly line: Line;
  /** The line before which it began. */
  readonly at: Line;
}

/** Attachments are told of when they are made or gone: each began before the last lock that its task took. */
export function beginnings(lines: readonly Line[]): ReadonlyMap<number, readonly Beginning[]> {
  const found = new Map<number, Beginning[]>();
  const add = (at: number, begun: Beginning) => found.set(at, [...(found.get(at) ?? []), begun]);
  lines.forEach((line, end) => {
    if (line.kind !== "p") return;
    const { word } = line;
    if (word !== "attach" && word !== "detach") return;
    // Who is nobody's task takes locks that are not told of.
    let at = line.actor < 0 ? end : lastOf(lines, end, line, "L");
    // It may have waited for it.
    for (const kind of ["R", "B"]) {
      const before = lastOf(lines, at, line);
      if (lines[before]?.kind === kind) at = before;
    }
    add(at, { word, line, at: lines[at]! });
  });
  return found;
}

/** The last line before a place of the same task and step, of this kind if one is given; the place itself if there is none. */
function lastOf(lines: readonly Line[], place: number, { actor, index }: Line, kind?: string): number {
  const at = lines.findLastIndex(
    (other, before) =>
      before < place && other.actor === actor && other.index === index && (kind === undefined || other.kind === kind),
  );
  return at < 0 ? place : at;
}
