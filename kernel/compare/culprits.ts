import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitored } from "../../contracts/registry.ts";
import { printStep } from "../../spec/print-step.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { writeProgram } from "../../spec/write.ts";
import { compare } from "./compare.ts";
import type { Drawn } from "./draw-plan.ts";
import { shapeName, shapeOf, type Shape } from "./shape.ts";
import type { Culprit, ShortestCulprit } from "./shrink-trouble.ts";
import type { Tally, Trouble } from "./tally.ts";

/** The first program of each kind that a comparison holds against a kernel, drawn once more; at most `most`. */
export function culpritsOf(tally: Tally, draw: (seed: number) => Drawn, most: number): readonly Culprit[] {
  const found = new Map<string, { readonly seed: number; readonly shape: Shape }>();
  const add = (shape: Shape, seed: number) => {
    const key = shape.kind === "difference" ? `${shape.operation} ${[...shape.parts].join()}` : shapeName(shape);
    if (!found.has(key)) found.set(key, { seed, shape });
  };
  for (const [id, { first }] of Object.entries(tally.violations)) {
    const rule = monitored(profileNamed(draw(first.seed).program.profile).series).find((entry) => entry.id === id);
    if (rule !== undefined) add({ kind: "rule", rule }, first.seed);
  }
  for (const trouble of tally.troubles) {
    const shape = shapeOfTrouble(trouble);
    if (shape !== null) add(shape, trouble.seed);
  }
  return [...found.values()].slice(0, most).map(({ seed, shape }) => ({ shape, drawn: draw(seed) }));
}

function shapeOfTrouble({ what, difference }: Trouble): Shape | null {
  if (what === "crashed" || what === "hung") return { kind: "end", end: what };
  return difference === null ? null : shapeOf(difference);
}

/** The shortest programs as text; each is also written to a file in the folder, whose name the text gives. */
export function shortestText(culprits: readonly ShortestCulprit[], version: string, folder: string): readonly string[] {
  return culprits.flatMap((culprit) => {
    const { shape, drawn, reproduced, initial, executions } = culprit;
    const { program } = drawn;
    if (!reproduced) return [`  ${shapeName(shape)}: no fresh kernel shows it (seed ${drawn.seed})`];
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${version}-${shapeName(shape)}-${drawn.seed}.json`);
    writeFileSync(file, `${writeProgram(program)}\n`);
    return [
      `  shortest program for ${shapeName(shape)}: ${program.steps.length} steps of ${initial}, ${executions} tried`,
      ...program.steps.map((step) => `    ${step.id.padEnd(4)} ${step.task.padEnd(3)} ${printStep(step)}`),
      ...whereText(culprit),
      `    see it: npm run test:linux -- --series ${seriesOf(version)} --explain ${file}`,
    ];
  });
}

function whereText({ shape, drawn, run }: ShortestCulprit): readonly string[] {
  const names = new Map(drawn.plan.steps.map(({ id, op }) => [id, op]));
  const difference = compare(drawn.events, run.events, (step) => names.get(step ?? "") ?? "drain");
  if (shape.kind !== "difference" || difference === null) return [];
  return [
    `    in ${difference.step ?? "-"} ${difference.operation}`,
    ...difference.missing.map((word) => `    - ${word}`),
    ...difference.extra.map((word) => `    + ${word}`),
  ];
}

function seriesOf(version: string): string {
  return version.startsWith("6.12.") ? "6.12" : "newest";
}
