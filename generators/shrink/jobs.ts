import type { Program, Setup, Step } from "../../spec/program.ts";
import { reservationOf, withBuffer } from "./buffers.ts";
import { filled, withMakers, type AddStep, type Filled } from "./fences.ts";
import { isLock } from "./locks.ts";
import { freshName, namesMade, namesUsed, takenNames } from "./names.ts";
import { shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 20;
/** Of more fences than that one alone is not worth a try. */
const several = 3;
/** More fences than that are replaced before the program is short. */
const many = 8;

/** Steps that take the place of others, and the set-up they need. */
interface Way {
  readonly setup: Setup;
  readonly steps: readonly Step[];
}

/**
 * Lets a driver put its fence where the program makes one and puts it there itself, slot, lock and all: an exporter that
 * moves the buffer, or a job of an importer.
 */
export function* fencesOfDrivers(session: Session): Search<void> {
  const { program } = session;
  if (program.steps.length <= longest) yield* shorter(session, inPlaceOf(session, filled(program)));
}

/** The same where so many fences are put into one object that to find out which are needed takes longer. */
export function* manyFences(session: Session): Search<void> {
  const objects = filled(session.program).filter(({ adds }) => adds.length > many);
  yield* shorter(session, inPlaceOf(session, objects));
}

function inPlaceOf({ program, kinds }: Session, objects: readonly Filled[]): readonly Program[] {
  const exporters = [...new Set(kinds.exporters)].filter((kind) => !kind.startsWith("scripted"));
  const importers = [...new Set(kinds.importers)].filter((kind) => kind !== "scripted");
  return objects.flatMap(({ resv, adds }) => {
    const { program: whole, buffer } = withBuffer(program, resv, kinds.exporters[0]);
    if (buffer === null) return [];
    const own = reservationOf(whole, buffer);
    const some = adds.length > 1 && adds.length <= several ? [adds, ...adds.map((add) => [add])] : [adds];
    return some.flatMap((gone) => {
      const rest = withoutAdds(whole, own, gone, gone.length === adds.length);
      const ways = waysToFill(whole, buffer, exporters, importers).flatMap((way) =>
        gone.length > several ? [again(way, gone.length, whole)] : [way],
      );
      const filling = ways.flatMap((way) => inPlace(whole, rest, buffer, way));
      return [...filling, ...exporters.flatMap((kind) => filling.flatMap((now) => revoking(now, buffer, own, kind)))];
    });
  });
}

/** What is left without these fences: without the hold too, where nothing else is put there. */
function withoutAdds(program: Program, resv: string, adds: readonly AddStep[], isAll: boolean): readonly Step[] {
  const gone = withMakers(program, adds);
  const isHold = (step: Step) =>
    isAll && (isLock(step) || step.op === "unlock" || step.op === "reserveFences") && step.resv === resv;
  return program.steps.filter((step) => !gone.has(step.id) && !isHold(step));
}

/** An exporter that revokes waits for all fences by itself. */
function revoking(program: Program, buffer: string, resv: string, kind: string): readonly Program[] {
  const wait = program.steps.find((step) => step.op === "waitFences" && step.resv === resv);
  if (wait === undefined) return [];
  const { id, task } = wait;
  const steps = program.steps.map((step) => (step === wait ? ({ id, task, op: "revoke", buffer } as const) : step));
  return [{ ...program, setup: withExporter(program.setup, buffer, kind), steps }];
}

/** The set-up with an exporter of another kind for the buffer. */
function withExporter(setup: Setup, buffer: string, kind: string): Setup {
  const owner = setup.buffers.find(({ name }) => name === buffer)?.exporter;
  return { ...setup, exporters: setup.exporters.map((row) => (row.name === owner ? { ...row, kind } : row)) };
}

/** The steps of the way come where the first of what is gone was, or as early as they can. */
function inPlace(program: Program, rest: readonly Step[], buffer: string, { setup, steps }: Way): readonly Program[] {
  const left = new Set(rest);
  const gone = program.steps.findIndex((step) => !left.has(step));
  const before = program.steps.slice(0, gone).filter((step) => left.has(step)).length;
  const used = new Set([buffer, ...steps.flatMap(namesUsed)]);
  const earliest = rest.findLastIndex((step) => namesMade(step).some((name) => used.has(name))) + 1;
  const places = new Set([Math.max(before, earliest), earliest]);
  return [...places].map((at) => ({ ...program, setup, steps: [...rest.slice(0, at), ...steps, ...rest.slice(at)] }));
}

function waysToFill(
  program: Program,
  buffer: string,
  exporters: readonly string[],
  importers: readonly string[],
): readonly Way[] {
  const { setup, steps } = program;
  const task = steps[0]!.task;
  const taken = takenNames(program);
  const [first, second] = [freshName("s", taken), freshName("s", taken)];
  const [name, job, importer] = [freshName("p", taken), freshName("j", taken), freshName("i", taken)];
  const exporter = setup.buffers.find((row) => row.name === buffer)!.exporter;
  const moves: readonly Step[] = [
    { id: first, task, op: "move", buffer, placement: "system" },
    { id: first, task, op: "evict", buffer },
  ];
  const driven = exporters.flatMap((kind) =>
    moves.map((step): Way => ({ setup: withExporter(setup, buffer, kind), steps: [step] })),
  );
  const accesses = ["write", "read"] as const;
  const imports = steps.flatMap((step) => (step.op === "import" && step.buffer === buffer ? [step] : []));
  const queued = imports.flatMap((step) =>
    accesses.map((kind): Way => ({
      setup,
      steps: [{ id: first, task, op: "submit", importer: step.importer, imports: [step.import], kind, job }],
    })),
  );
  const device = setup.exporters.find((row) => row.name === exporter)!.device;
  const imported = importers.flatMap((kind) => {
    const row = {
      name: importer,
      kind,
      device,
      ops: "callback",
      allowPeer2peer: false,
      onInvalidate: "unmap",
    } as const;
    return accesses.map((access): Way => ({
      setup: { ...setup, importers: [...setup.importers, row] },
      steps: [
        { id: first, task, op: "import", importer, buffer, import: name, direction: "bidirectional" },
        { id: second, task, op: "submit", importer, imports: [name], kind: access, job },
      ],
    }));
  });
  return [...driven, ...queued, ...imported];
}

/** The last step of the way as often as there were fences. */
function again({ setup, steps }: Way, count: number, program: Program): Way {
  const taken = takenNames(program);
  for (const step of steps) for (const name of [step.id, ...namesMade(step)]) taken.add(name);
  const last = steps.at(-1)!;
  const copies = Array.from({ length: count - 1 }, () => {
    const id = freshName("s", taken);
    return last.op === "submit" ? { ...last, id, job: freshName("j", taken) } : { ...last, id };
  });
  return { setup, steps: [...steps, ...copies] };
}
