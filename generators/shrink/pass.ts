import type { Program } from "../../spec/program.ts";
import type { Search, Session } from "./session.ts";

/** A program with some of a pass's items taken out or made simpler. Items that no longer apply are passed over. */
export type Apply<T> = (program: Program, items: readonly T[]) => Program;

/** Tries all items at once, then halves of what was refused, down to single ones. */
export function* together<T>(session: Session, items: readonly T[], apply: Apply<T>): Search<void> {
  yield* chunks(session, items.length === 0 ? [] : [items], apply);
}

/** As `together`, where all at once makes no sense. */
export function* inHalves<T>(session: Session, items: readonly T[], apply: Apply<T>): Search<void> {
  yield* chunks(session, items.length > 1 ? halves(items) : items.length === 1 ? [items] : [], apply);
}

/** Tries items one by one. */
export function* each<T>(
  session: Session,
  items: readonly T[],
  apply: (program: Program, item: T) => Program,
): Search<void> {
  for (const item of items) {
    if (session.exhausted) return;
    yield* session.attempt(apply(session.program, item));
  }
}

/** Tries whole candidates that are shorter than the program they were made from, until one is kept. */
export function* shorter(session: Session, candidates: readonly Program[]): Search<void> {
  const { program } = session;
  for (const candidate of candidates) {
    if (session.exhausted || session.program !== program) return;
    if (session.shortens(candidate)) yield* session.attempt(candidate);
  }
}

function* chunks<T>(session: Session, first: readonly (readonly T[])[], apply: Apply<T>): Search<void> {
  let level = first;
  while (level.length > 0) {
    const refused: (readonly T[])[] = [];
    for (const chunk of level) {
      if (session.exhausted) return;
      if (!(yield* session.attempt(apply(session.program, chunk)))) refused.push(chunk);
    }
    level = refused.flatMap((chunk) => (chunk.length > 1 ? halves(chunk) : []));
  }
}

function halves<T>(items: readonly T[]): readonly (readonly T[])[] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
