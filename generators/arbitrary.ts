import fc from "fast-check";
import type { Program } from "../spec/program.ts";
import { shrinking, type Fails, type ShrinkOptions } from "./shrink/shrink.ts";
import type { Shrunk } from "./shrink/session.ts";

/** Settings of `programArbitrary`. */
export interface ProgramArbitraryOptions extends ShrinkOptions {
  /** Draws the program of a seed of 32 bits, by running it. The same seed must give the same program. */
  readonly draw: (seed: number) => Program;
  /**
   * Says whether a program breaks what the property is about, and what of it happened. With it shrinking keeps to one
   * rule and drops what did not happen. Without it every program for which the property fails will do.
   */
  readonly fails?: Fails;
}

/** Where a program stands in the search: the program that failed first, and the answers up to here. */
interface Place {
  readonly root: Program;
  readonly answers: readonly (Shrunk | null)[];
}

/**
 * Programs for fast-check's properties. `generate` takes one number of 32 bits from fast-check's random source and
 * hands it to `draw` as a seed. `shrink` is a stream of our shrinker's candidates in the order of its passes:
 * whichever of them the property fails for is where the search goes on.
 *
 * A place in the search is the list of answers that led there, so that a stream can be made again at any time and is
 * always the same: fast-check's `seed` and `path` replay a shrunk program as usual.
 *
 * ```ts
 * fc.assert(fc.property(programArbitrary({ draw, fails }), (program) => judge(program).length === 0), { seed, path });
 * ```
 *
 * Draw with few runs (`numRuns`): a program is long, and one already meets many situations.
 */
export function programArbitrary(options: ProgramArbitraryOptions): fc.Arbitrary<Program> {
  return new ProgramArbitrary(options);
}

class ProgramArbitrary extends fc.Arbitrary<Program> {
  private readonly options: ProgramArbitraryOptions;

  constructor(options: ProgramArbitraryOptions) {
    super();
    this.options = options;
  }

  /** The bias towards small values is left out: a program's length comes from its seed. */
  override generate(random: fc.Random): fc.Value<Program> {
    return this.placed(this.options.draw(random.nextInt(-0x80000000, 0x7fffffff) >>> 0));
  }

  /** So that programs given as `examples` shrink too. */
  override canShrinkWithoutContext(value: unknown): value is Program {
    return typeof value === "object" && value !== null && "steps" in value && "setup" in value;
  }

  override shrink(program: Program, context: unknown): fc.Stream<fc.Value<Program>> {
    return fc.stream(this.candidates((context as Place | undefined) ?? { root: program, answers: [] }));
  }

  private placed(root: Program): fc.Value<Program> {
    return new fc.Value<Program>(root, { root, answers: [] } satisfies Place);
  }

  /** The candidates from a place on. Asking for another one says that the property held for the one before. */
  private *candidates({ root, answers }: Place): IterableIterator<fc.Value<Program>> {
    const { fails } = this.options;
    const first = fails === undefined ? { program: root } : fails(root);
    // It fails for a reason that is not ours: fast-check reports it as it is.
    if (first === null) return;
    const search = shrinking(root, first, this.options);
    let next = search.next();
    for (const answer of answers) if (next.done !== true) next = search.next(answer);
    const given = [...answers];
    while (next.done !== true) {
      const answer = fails === undefined ? { program: next.value } : fails(next.value);
      if (answer !== null)
        yield new fc.Value<Program>(answer.program, { root, answers: [...given, answer] } satisfies Place);
      given.push(null);
      next = search.next(null);
    }
  }
}
